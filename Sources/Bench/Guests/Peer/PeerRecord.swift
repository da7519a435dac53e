/// What the JSON file says of another VMM.
struct PeerRecord: Codable, Equatable, Sendable {
  /// The version, as the program itself has it.
  var version: String
  /// The program and its arguments.
  var command: [String]
  /// Where its guests' exits were read.
  var exitSource: PeerExitSource
  /// How its process ended, where it died after its guest had done everything.
  var badEnd: String?

  enum CodingKeys: String, CodingKey {
    case version
    case command
    case exitSource = "exit_source"
    case badEnd = "bad_end"
  }
}
