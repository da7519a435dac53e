import Foundation

/// The JSON file beside the CSV: everything needed to judge the run, and to compute its percentiles again.
struct RunDocument: Codable, Equatable, Sendable {
  /// Versions whose documents can be read: what later ones added may be missing.
  static let readableVersions = 3...RunRecord.currentSchemaVersion

  /// Version of the rows and of this file.
  var schemaVersion = RunRecord.currentSchemaVersion
  var runID: String
  var startedAt: String
  var finishedAt: String
  /// Whether all planned boots took place.
  var isComplete: Bool
  var gitRevision: String
  var isDirty: Bool?
  var commandLine: [String]
  var host: HostDescription
  var configuration: RunConfiguration
  var plan: RunPlan
  /// Where threads and memory were to be.
  var plannedPlacement: PlacementRecord
  /// Round trips of a cache line between two native threads, measured between the boots; empty if they were not asked for.
  var nativeRoundTripNanoseconds: [Double]
  var results: [Result]

  /// One row and what does not fit into it.
  struct Result: Codable, Equatable, Sendable {
    /// The row as it stands in the CSV file.
    var row: RunRecord
    /// Where threads and memory really were.
    var grantedPlacement: GrantedPlacement
    /// Each worker's time from its first submission to its last answer.
    var workerElapsedSeconds: [Double]
    /// The latencies of all workers.
    var latencyHistogram: NanosecondHistogram
    /// What only a Linux guest tells: fio's whole output among it.
    var linux: LinuxDetails?
    /// What another VMM tells of itself; nil for ours.
    var peer: PeerRecord?

    enum CodingKeys: String, CodingKey {
      case row
      case grantedPlacement = "granted_placement"
      case workerElapsedSeconds = "worker_elapsed_s"
      case latencyHistogram = "latency_histogram"
      case linux
      case peer
    }
  }

  enum CodingKeys: String, CodingKey {
    case schemaVersion = "schema_version"
    case runID = "run_id"
    case startedAt = "started_at"
    case finishedAt = "finished_at"
    case isComplete = "complete"
    case gitRevision = "git_revision"
    case isDirty = "dirty"
    case commandLine = "command_line"
    case host
    case configuration
    case plan
    case plannedPlacement = "planned_placement"
    case nativeRoundTripNanoseconds = "native_round_trip_ns"
    case results
  }

  /// The file's content.
  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }

  /// Writes the file at `path` as a whole: into a temporary file first, which then takes its name.
  func write(to path: String) throws {
    do {
      try encoded().write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw BenchFailure("cannot write \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }
}
