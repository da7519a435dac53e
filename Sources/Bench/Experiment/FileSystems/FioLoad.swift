import Foundation

/// The workloads that fio runs.
struct FioLoad: Equatable, Sendable {
  let workload: HostWorkload
  /// The size of the file.
  let size: ByteSize
  /// How long the workloads take that have no end of their own.
  let runtime: TimeSpan
  /// What fio's random choices follow from.
  let seed: UInt64

  /// fio and its arguments in the mounted folder `folder`.
  func command(in folder: String) -> [String] {
    let path = "\(folder)/\(FileSystemImages.dataName)"
    let timed = ["--time_based", "--runtime=\(runtime.nanoseconds / 1000)us"]
    let existing = ["--filename=\(path)", "--allow_file_create=0"]
    let options: [String]? =
      switch workload {
      case .randomRead: existing + timed + ["--rw=randread", "--bs=4k", "--direct=1", "--ioengine=psync"]
      case .randomReadParallel:
        existing + timed + [
          "--rw=randread", "--bs=4k", "--direct=1", "--ioengine=libaio", "--iodepth=16", "--numjobs=4",
        ]
      case .randomWrite: existing + timed + ["--rw=randwrite", "--bs=4k", "--direct=1", "--ioengine=psync"]
      case .read: existing + timed + ["--rw=read", "--bs=1m", "--direct=1", "--ioengine=psync"]
      case .write: existing + timed + ["--rw=write", "--bs=1m", "--direct=1", "--ioengine=psync"]
      case .streamRead: existing + ["--rw=read", "--bs=1m", "--direct=0", "--ioengine=psync"]
      case .streamWrite:
        [
          "--filename=\(path)-new", "--rw=write", "--bs=1m", "--direct=0", "--ioengine=psync",
          "--end_fsync=1",
          "--fallocate=none", "--create_on_open=1",
        ]
      case .create, .stat, .readNames, .unlink, .untar, .gitStatus, .compile: nil
      }
    return [
      "fio", "--name=bench-fs", "--output-format=json+", "--size=\(size.byteCount)", "--randseed=\(seed)",
    ]
      + (options ?? [])
  }

  /// Runs it in the mounted folder `folder`.
  ///
  /// - Throws: ``BenchFailure`` if fio fails or a request does; ``RunInterruption`` if `watch` said so.
  func run(in folder: String, watch: InterruptionWatch) throws -> FileSystemMeasurement.Work {
    let run = try CommandRun(command(in: folder), separatesErrors: true, watch: watch)
    if watch.isInterrupted { throw RunInterruption() }
    guard run.exitCode == 0 else {
      let reason = (run.errors.isEmpty ? run.output : run.errors).split(separator: "\n").first
      throw BenchFailure(
        "fio \(workload.rawValue) ended with \(run.exitCode): \(reason ?? "no message")", exitCode: .ioError)
    }
    do {
      let output = try FioOutput(Data(run.output.utf8), verifies: false)
      guard output.errors == 0 else {
        throw BenchFailure(
          "fio \(workload.rawValue): \(output.errors) requests ended with an error", exitCode: .ioError)
      }
      return .init(
        operationCount: output.requests, byteCount: output.bytes, seconds: output.measuredSeconds,
        requestRate: output.iops)
    } catch let failure as FioOutput.Failure {
      throw BenchFailure("fio \(workload.rawValue): \(failure)", exitCode: .dataError)
    }
  }
}
