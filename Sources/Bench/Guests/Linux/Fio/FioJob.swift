/// The job files that fio gets, one for each phase: made from bench's own options, or from the user's file.
struct FioJob {
  /// The run.
  let configuration: RunConfiguration
  /// What is between fio and the host.
  let path: DataPath
  /// The seed of this guest's random numbers.
  let seed: UInt64

  /// Where the file system is mounted.
  var folder = Self.mountPoint

  /// Where the guest's script mounts a file system.
  static let mountPoint = "/run/fs"

  /// The name of worker `index`'s file.
  static func fileName(worker index: Int) -> String { "bench.\(index)" }

  /// The text for each phase.
  ///
  /// - Throws: ``BenchFailure`` if a job of the user's lies outside of the disk.
  func texts() throws(BenchFailure) -> [String] {
    guard let job = configuration.linux?.job else { return [ownText] }
    var texts: [String] = []
    for phase in job.phases {
      texts.append(try phase.text(for: target, byteCount: configuration.jobFileByteCount))
    }
    return texts
  }

  /// bench's own job: a section, and in fio a thread, for each worker, which has a slice of its own: of the device, or a file.
  private var ownText: String {
    var lines = ["[global]"] + common
    if configuration.verifies {
      lines.append("verify=crc32c")
      // What is read has to be written first.
      if !configuration.rw.writes { lines += sections(named: "fill") { _ in ["rw=write", "do_verify=0"] } }
    } else {
      lines += window
    }
    let waits = configuration.verifies && !configuration.rw.writes
    lines += sections(named: "bench") { worker in
      (waits && worker == 0 ? ["stonewall"] : []) + ["rw=\(configuration.rw.rawValue)"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func sections(named name: String, options: (Int) -> [String]) -> [String] {
    (0..<configuration.workerCount).flatMap { worker in
      ["[\(name)\(worker)]"] + options(worker) + place(worker)
    }
  }

  private var common: [String] {
    (configuration.linux?.ioengine ?? .libaio).jobLines + [
      "bs=\(configuration.blockSize.byteCount)",
      "iodepth=\(configuration.iodepth)",
      "direct=\(configuration.usesDirectIO ? 1 : 0)",
      "size=\(configuration.sliceByteCount)",
      "fallocate=none",
      "thread=1",
      "group_reporting=1",
      // From submission to completion: a kick costs time within the submission.
      "lat_percentiles=1",
      "randseed=\(seed)",
    ]
  }

  private func place(_ worker: Int) -> [String] {
    switch path.fileSystem {
    case .none:
      ["filename=\(path.blockDevice)", "offset=\(UInt64(worker) * configuration.sliceByteCount)"]
    case .ext4, .xfs, .fuseVext, .fuseOnVirtio, .fuse2fsOnVirtio, .ninePUncached, .ninePLoose,
      .virtioFSUncached, .virtioFSAuto, .virtioFSAlways, .fuseOnImage:
      ["filename=\(folder)/\(Self.fileName(worker: worker))"]
    }
  }

  private var window: [String] {
    let startsCold = configuration.startsCold == true
    // With fio's map no block is used twice: the second time it would be cached. What was written to the guest's cache counts
    // once it is on the disk.
    var lines =
      startsCold
      ? ["end_fsync=1"] : ["norandommap=1", "ramp_time=\(microseconds(configuration.warmup))"]
    if let limit = configuration.requestLimit {
      let (byteCount, overflow) = limit.multipliedReportingOverflow(by: configuration.blockSize.byteCount)
      lines.append("io_size=\(overflow ? UInt64(Int64.max) : byteCount)")
    }
    if let runtime = configuration.runtime {
      lines.append("runtime=\(microseconds(runtime))")
      if configuration.requestLimit == nil, !startsCold { lines.append("time_based=1") }
    }
    return lines
  }

  private func microseconds(_ span: TimeSpan) -> String { "\(span.nanoseconds / 1000)us" }

  private var target: String {
    path.fileSystem == .none ? path.blockDevice : "\(folder)/\(Self.fileName(worker: 0))"
  }

  /// The files that the file system is made with, by name.
  static func files(_ configuration: RunConfiguration) -> [(name: String, byteCount: UInt64)] {
    if configuration.linux?.job != nil {
      return [(fileName(worker: 0), configuration.jobFileByteCount)]
    }
    return (0..<configuration.workerCount).map { (fileName(worker: $0), configuration.sliceByteCount) }
  }
}
