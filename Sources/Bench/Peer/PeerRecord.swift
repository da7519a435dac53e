/// What the JSON file says of another VMM.
struct PeerRecord: Codable, Equatable, Sendable {
  /// The version, as the program itself has it.
  var version: String
  /// The program and its arguments.
  var command: [String]
  /// Where its guests' exits were read.
  var exitSource: PeerExitSource

  enum CodingKeys: String, CodingKey {
    case version
    case command
    case exitSource = "exit_source"
  }
}
