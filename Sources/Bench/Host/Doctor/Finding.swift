/// What `bench doctor` says about one thing.
struct Finding: Codable, Equatable, Sendable {
  /// How much it matters.
  enum Severity: String, Codable, CaseIterable, Sendable {
    /// Results that are measured now are not to be trusted.
    case spoils
    /// Results are valid, but their reader must know this, or they could be steadier.
    case note
    /// The setting is right.
    case ok
  }

  /// What was checked.
  var check: DoctorCheck
  /// How much it matters.
  var severity: Severity
  /// What was found, in a sentence without its full stop.
  var found: String
  /// What it does to results, likewise.
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
