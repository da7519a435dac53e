/// What a workload of `bench fs` came to on a file system.
struct FileSystemMeasurement: Equatable, Sendable {
  /// What a workload did, and in which time.
  struct Work: Equatable, Sendable {
    /// Requests, or files.
    var operationCount: UInt64
    /// Bytes of fio's requests; 0 for workloads that count files.
    var byteCount: UInt64 = 0
    /// How long it took.
    var seconds: Double
    /// Requests per second where fio counted them per job; nil: ``operationCount`` by ``seconds``.
    var requestRate: Double?
  }

  /// What was measured.
  let cell: FileSystemPlan.Cell
  /// What it did.
  let work: Work

  /// The result in the unit of the workload.
  var value: Double {
    let seconds = max(work.seconds, 1e-9)
    switch cell.workload.unit {
    case "MiB/s": return Double(work.byteCount) / 1_048_576 / seconds
    default: return work.requestRate ?? Double(work.operationCount) / seconds
    }
  }
}
