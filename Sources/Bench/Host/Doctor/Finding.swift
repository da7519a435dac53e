/// What `bench doctor` says about one thing.
struct Finding: Codable, Equatable, Sendable {
  /// How much it matters.
  enum Severity: String, Codable, CaseIterable, Sendable {
    /// Figures that are taken now are not to be trusted.
    case spoils
    /// Figures are valid, but the reader has to know, or they could be steadier.
    case note
    /// As it should be.
    case ok
  }

  /// What was looked at.
  var check: DoctorCheck
  /// How much it matters.
  var severity: Severity
  /// What was found, in a sentence without its full stop.
  var found: String
  /// What it does to figures, likewise.
  var why: String
  /// The command that sets it right, or what to do where no command does; nil if nothing is wrong.
  var remedy: String?

  /// The names in JSON.
  enum CodingKeys: String, CodingKey {
    case check
    case severity
    case found
    case why
    case remedy
  }
}
