/// The CSV of `bench fs`: a line for each measurement.
struct FileSystemRows: Sendable {
  /// The columns, which docs/bench-fs.md describes.
  static let columns = [
    "run_id", "started_at", "git_revision", "kernel", "folder", "seed", "repetition", "position",
    "file_system",
    "workload", "unit", "value", "operations", "bytes", "seconds", "file_bytes", "runtime_seconds", "files",
  ]

  /// The header line, without its line end.
  static let header = columns.joined(separator: ",")

  /// What tells the run from others.
  let runID: String
  /// When it began.
  let startedAt: String
  /// bench's revision.
  let revision: String
  /// The host's kernel.
  let kernel: String
  /// Where the images were.
  let folder: String
  /// What was asked for.
  let settings: FileSystemSettings

  /// Appends the line of `measurement` to the CSV file at `path`, below the header.
  ///
  /// - Throws: ``BenchFailure`` if that is not possible, or the file has other columns.
  func append(_ measurement: FileSystemMeasurement, to path: String) throws {
    try CSVWriter(path: path, header: Self.header).write(lines: [line(measurement)])
  }

  /// The line of `measurement`, without its line end.
  func line(_ measurement: FileSystemMeasurement) -> String {
    let cell = measurement.cell
    let fields = [
      runID, startedAt, revision, kernel, folder, "\(settings.seed)", "\(cell.repetition)",
      "\(cell.position)",
      cell.fileSystem.rawValue, cell.workload.rawValue, cell.workload.unit, "\(measurement.value)",
      "\(measurement.work.operationCount)", "\(measurement.work.byteCount)", "\(measurement.work.seconds)",
      "\(settings.size.byteCount)", "\(settings.runtime.seconds)", "\(settings.fileCount)",
    ]
    return fields.map(CSVSchema.quoted).joined(separator: ",")
  }
}
