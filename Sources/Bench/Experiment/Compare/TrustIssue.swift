/// A reason not to trust the results of a boot.
enum TrustIssue: String, CaseIterable, Codable, Hashable, Sendable {
  /// A polling I/O thread ran for less than 95 % of the window.
  case ioThreadCPU = "io-thread-cpu"
  /// A polling vCPU ran for less than 95 % of the window.
  case vcpuCPU = "vcpu-cpu"
  /// A hypervisor below took 1 % of the CPUs' time or more.
  case steal
  /// Other work kept a tenth of the CPUs busy, or more.
  case load
  /// Fewer than 1,000 requests: ten or fewer of them lie above p99.
  case fewRequests = "few-requests"
  /// A CPU quota of a control group stopped bench.
  case throttled
  /// Threads ran on cores of several kinds.
  case mixedCores = "mixed-cores"
  /// The host's wall clock, by which a Linux guest's window is cut out, was set meanwhile.
  case clockStep = "clock-step"
  /// Busy threads shared a CPU.
  case oversubscribed

  /// The reason in words.
  var explanation: String {
    switch self {
    case .ioThreadCPU: "a polling I/O thread had its CPU for less than 95 % of the window"
    case .vcpuCPU: "a polling vCPU had its CPU for less than 95 % of the window"
    case .steal: "a hypervisor below took 1 % of the CPU time or more"
    case .load: "other work kept a tenth of the CPUs busy, or more"
    case .fewRequests: "fewer than 1,000 requests: p99 rests on ten or fewer"
    case .throttled: "a CPU quota stopped the threads"
    case .mixedCores: "threads ran on cores of several kinds"
    case .clockStep: "the host's clock was set within the window"
    case .oversubscribed: "busy threads shared a CPU"
    }
  }

  /// The share of the window for which a polling thread must run.
  static let leastCPUShare = 0.95
  /// The share of all CPU time from which steal counts.
  static let mostSteal = 0.01
  /// The share of the online CPUs that other work may keep busy.
  static let mostOtherShare = 0.1
  /// The number of requests from which a p99 has more than ten requests above it.
  static let leastRequests = 1000.0
  /// Seconds by which the wall clock may move against the monotonic one: what slewing by NTP (500 ppm) does in 40 s.
  static let mostClockStep = 0.02

  /// The beginning of each sentence about boots that are not to be trusted.
  static let warning = "NOT TO BE TRUSTED: "

  /// How many of `boots` have each issue, in a sentence; nil if none has any.
  static func sentence(_ boots: [Set<TrustIssue>]) -> String? {
    let parts = allCases.compactMap { issue -> String? in
      let count = boots.count { $0.contains(issue) }
      return count > 0 ? "\(issue.rawValue) in \(count) of \(boots.count) boots (\(issue.explanation))" : nil
    }
    return parts.isEmpty ? nil : warning + parts.joined(separator: "; ")
  }

  /// The issues of each boot that has rows among `records`.
  static func issues(of records: [RunRecord]) throws -> [Set<TrustIssue>] {
    guard !records.isEmpty else { return [] }
    let text = ([CSVSchema.header] + records.map(CSVSchema.line)).map { $0 + "\n" }.joined()
    let table = try RowTable(Array(text.utf8))
    let boots = Dictionary(grouping: records.indices) { index in
      let record = records[index]
      return [
        record.mode.rawValue, record.vmm.rawValue, record.fileSystem.rawValue, "\(record.repetition)",
        record.fioGroup ?? "",
      ]
    }
    return try boots.values.map { indices in try issues(ofBoot: indices.map { Row(table: table, index: $0) })
    }
  }

  /// The issues of the boot whose guests have the rows `rows`.
  static func issues(ofBoot rows: [Row]) throws(CSVText.Fault) -> Set<TrustIssue> {
    var issues: Set<TrustIssue> = []
    var ioThreadSeconds = 0.0
    for row in rows {
      ioThreadSeconds += try row.number(\.ioThreadCPUSeconds)
      if row.bool(\.isOversubscribed) == true { issues.insert(.oversubscribed) }
      if row.bool(\.mixedCores) == true { issues.insert(.mixedCores) }
      if try row.optionalNumber(\.stealShare) ?? 0 >= mostSteal { issues.insert(.steal) }
      if try row.optionalNumber(\.otherShare) ?? 0 >= mostOtherShare { issues.insert(.load) }
      if try row.optionalNumber(\.throttledSeconds) ?? 0 > 0 { issues.insert(.throttled) }
      if try row.optionalNumber(\.clockStepSeconds) ?? 0 >= mostClockStep { issues.insert(.clockStep) }
      let requests = try row.number(\.ios)
      guard requests > 0 else { continue }
      if requests < leastRequests { issues.insert(.fewRequests) }
      if try vcpuShare(row) ?? 1 < leastCPUShare { issues.insert(.vcpuCPU) }
    }
    if try ioThreadShare(rows[0], seconds: ioThreadSeconds) ?? 1 < leastCPUShare {
      issues.insert(.ioThreadCPU)
    }
    return issues
  }

  private static func polls(_ row: Row, _ thread: (DataPathMode) -> Bool) -> Bool {
    row.text(\.vmm) == VMM.builtin.rawValue
      && DataPathMode(rawValue: row.text(\.mode) ?? "").map(thread) == true
  }

  /// CPU seconds per second of a polling I/O thread; nil where the I/O threads sleep, or the record does not say.
  private static func ioThreadShare(_ row: Row, seconds: Double) throws(CSVText.Fault) -> Double? {
    if row.table.has(\.ioThreadCPUShare) { return try row.optionalNumber(\.ioThreadCPUShare) }
    let window = try row.number(\.windowSeconds) * row.number(\.ioThreads)
    return polls(row, \.ioThreadPolls) && window > 0 ? seconds / window : nil
  }

  /// The same of a polling vCPU.
  private static func vcpuShare(_ row: Row) throws(CSVText.Fault) -> Double? {
    if row.table.has(\.vcpuCPUShare) { return try row.optionalNumber(\.vcpuCPUShare) }
    let window = try row.number(\.windowSeconds) * row.number(\.workers)
    guard polls(row, \.microGuestPolls), row.text(\.guest) == GuestKind.micro.rawValue, window > 0 else {
      return nil
    }
    return try row.number(\.vcpuCPUSeconds) / window
  }
}

extension DataPathMode {
  /// Whether the I/O thread looks for requests all the time.
  var ioThreadPolls: Bool {
    switch self {
    case .virtioBlockPolled, .vext, .vextService: true
    case .virtioBlock, .virtioBlockTuned, .vextAdaptive, .vhostUserVextd, .vhostUserStorageDaemon, .virtio9P,
      .virtioFS, .host:
      false
    }
  }

  /// Whether a vCPU of the micro guest looks for answers all the time.
  var microGuestPolls: Bool {
    switch self {
    case .vext, .vextService: true
    case .virtioBlock, .virtioBlockPolled, .virtioBlockTuned, .vextAdaptive, .vhostUserVextd,
      .vhostUserStorageDaemon, .virtio9P, .virtioFS, .host:
      false
    }
  }
}
