/// Jobs of a job file that run at the same time, or a group of them. The next phase begins when all of a phase have ended.
struct FioPhase: Codable, Equatable, Sendable {
  /// The jobs, of which there is at least one.
  let jobs: [FioJobSection]

  /// Its jobs by `new_group`, which ends a group of those before it.
  var groups: [FioPhase] {
    var groups: [[FioJobSection]] = []
    for job in jobs {
      if groups.isEmpty || job.isOn("new_group") { groups.append([]) }
      groups[groups.count - 1].append(job)
    }
    return groups.map { FioPhase(jobs: $0) }
  }

  /// What ``groups`` are called: `a of a+b` where there are several, otherwise as the phase.
  var groupNames: [String] {
    let groups = groups
    return groups.count > 1 ? groups.map { "\($0.name) of \(name)" } : [name]
  }

  /// What makes jobs measure at different times, with the values that differ: two values of `runtime`, or a `ramp_time` that not all
  /// jobs have. nil if nothing does.
  ///
  /// A job without `runtime` ends with its work, which nobody knows before.
  var differingWindow: (key: String, values: [String])? {
    for (key, absent) in [("runtime", nil), ("ramp_time", "0")] as [(String, String?)] {
      let values = jobs.compactMap { $0.value(key) ?? absent }
      let lengths = values.map { TimeSpan($0).map { "\($0.nanoseconds)" } ?? $0 }
      if Set(lengths).count > 1 { return (key, Self.distinct(values)) }
    }
    return nil
  }

  /// The names of its jobs, each once: `seqread`, `reader+writer`.
  var name: String { Self.joined(jobs.map(\.name)) }
  /// fio's `rw`; `read+randwrite` for jobs that differ.
  var rw: String { Self.joined(jobs.map(\.rw)) }
  /// Bytes of a request; the first job's, and its first, where there are several.
  var blockByteCount: UInt64 { jobs[0].blockByteCount ?? 4096 }
  /// What ``blockByteCount`` does not say: `bssplit=4k/60:64k/40`, or `bs=4k+bs=1m` of two jobs; nil where it says all.
  var blockSizes: String? {
    let isUniform = Set(jobs.map(\.blockByteCount)).count == 1 && jobs.allSatisfy { $0.blockSizes == nil }
    return isUniform ? nil : Self.joined(jobs.map { $0.blockSizes ?? "bs=\($0.value("bs") ?? "4k")" })
  }
  /// The largest `iodepth` of its jobs.
  var iodepth: Int { jobs.map(\.iodepth).max() ?? 1 }
  /// Whether all jobs leave out the page cache.
  var isDirect: Bool { jobs.allSatisfy(\.isDirect) }
  /// fio's `ioengine`, `io_uring-hipri` for io_uring that polls; empty where it is left to fio.
  var ioengine: String {
    let names = jobs.map { job in
      let name = job.value("ioengine") ?? ""
      return name == "io_uring" && job.isOn("hipri") ? "\(name)-hipri" : name
    }
    return Self.joined(names.filter { !$0.isEmpty })
  }
  /// Whether a job polls for the completions of io_uring.
  var polls: Bool { jobs.contains { $0.value("ioengine") == "io_uring" && $0.isOn("hipri") } }
  /// How many processes or threads, clones included.
  var jobCount: UInt64 { jobs.reduce(0) { $0 &+ $1.jobCount } }
  /// Whether all jobs are threads.
  var usesThreads: Bool { jobs.allSatisfy { $0.isOn("thread") } }
  /// `rate` or `rate_iops` as written; nil without one.
  var rate: String? {
    let rates = jobs.compactMap(\.rate)
    return rates.isEmpty ? nil : Self.joined(rates)
  }
  /// The longest `runtime`; nil if a job has none, or in a unit that bench does not know.
  var runtime: TimeSpan? {
    let spans = jobs.map { $0.value("runtime").flatMap { TimeSpan($0) } }
    return spans.contains(nil) ? nil : spans.compactMap { $0 }.max()
  }
  /// The longest `ramp_time`.
  var warmup: TimeSpan {
    jobs.compactMap { $0.value("ramp_time").flatMap { TimeSpan($0) } }.max() ?? .milliseconds(0)
  }
  /// Whether all that is read is checked.
  var verifies: Bool { jobs.allSatisfy(\.verifies) }

  /// The job file for fio: the jobs of this phase, without what makes one wait for another.
  ///
  /// - Throws: ``BenchFailure`` if a job lies outside of `byteCount`.
  func text(for target: String, byteCount: UInt64) throws(BenchFailure) -> String {
    var text = ""
    for job in jobs { text += try job.text(for: target, byteCount: byteCount) }
    return text
  }

  /// A few words for the plan.
  var summary: String {
    let parts = [
      rw, blockSizes ?? "bs \(ByteSize(byteCount: blockByteCount))",
      "iodepth \(iodepth)", ioengine,
      jobCount > 1 ? "\(jobCount) jobs" : "", rate ?? "", runtime.map(\.description) ?? "",
    ]
    return parts.filter { !$0.isEmpty }.joined(separator: ", ")
  }

  private static func joined(_ texts: [String]) -> String { distinct(texts).joined(separator: "+") }

  private static func distinct(_ texts: [String]) -> [String] {
    var seen: Set<String> = []
    return texts.filter { seen.insert($0).inserted }
  }
}
