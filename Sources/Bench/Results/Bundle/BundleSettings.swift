/// What the derived files of a bundle depend on besides its records: the file `bundle.json`.
struct BundleSettings: Codable, Equatable, Sendable {
  /// Version of a bundle's layout; others are not verified.
  static let currentFormatVersion = 1

  var formatVersion = Self.currentFormatVersion
  /// The version of bench that made it.
  var benchVersion: String
  /// The metrics of verdicts.
  var metrics: [Metric]
  /// Whether boots that are not to be trusted are left out of verdicts.
  var isTrustedOnly: Bool
  /// What was known of the noise of the host.
  var calibrations: [Calibration]

  /// The names in JSON.
  enum CodingKeys: String, CodingKey {
    case metrics, calibrations
    case formatVersion = "format_version"
    case benchVersion = "bench_version"
    case isTrustedOnly = "trusted_only"
  }
}
