/// A figure of a boot that verdicts are made of.
enum Metric: String, CaseIterable, Codable, Sendable {
  case iops
  case latencyMean = "latency_mean_us"
  case latencyP50 = "latency_p50_us"
  case latencyP90 = "latency_p90_us"
  case latencyP99 = "latency_p99_us"
  case latencyP99_9 = "latency_p99_9_us"
  case vmexitsPerIO = "vmexits_per_io"
  case ioVMExitsPerIO = "io_vmexits_per_io"
  case iopsPerCPUSecond = "iops_per_cpu_s"

  /// Which way is good.
  enum Direction: String, Codable, Sendable {
    case moreIsBetter = "more is better"
    case lessIsBetter = "less is better"
  }

  /// Those that are judged unless `--metric` names others: one for each thing that a user notices. Each further one makes
  /// Holm's correction harder on all of them.
  static let judgedByDefault: [Metric] = [
    .iops, .latencyP50, .latencyP99, .ioVMExitsPerIO, .iopsPerCPUSecond,
  ]

  /// The place in `allCases`.
  var place: Int {
    switch self {
    case .iops: 0
    case .latencyMean: 1
    case .latencyP50: 2
    case .latencyP90: 3
    case .latencyP99: 4
    case .latencyP99_9: 5
    case .vmexitsPerIO: 6
    case .ioVMExitsPerIO: 7
    case .iopsPerCPUSecond: 8
    }
  }

  /// Which way is good.
  var direction: Direction {
    switch self {
    case .iops, .iopsPerCPUSecond: .moreIsBetter
    case .latencyMean, .latencyP50, .latencyP90, .latencyP99, .latencyP99_9, .vmexitsPerIO, .ioVMExitsPerIO:
      .lessIsBetter
    }
  }

  /// The unit, as results/SCHEMA.md has it.
  var unit: String {
    switch self {
    case .iops: "1/s"
    case .latencyMean, .latencyP50, .latencyP90, .latencyP99, .latencyP99_9: "us"
    case .vmexitsPerIO, .ioVMExitsPerIO: "1"
    case .iopsPerCPUSecond: "requests per CPU s"
    }
  }

  /// The smallest change that matters at all, in ``unit``: below it, a ratio of two tiny figures is nothing.
  var absoluteFloor: Double {
    switch self {
    case .iops, .iopsPerCPUSecond: 1
    // Some cycles of any CPU; the guest's clock and buckets resolve no better below a microsecond.
    case .latencyMean, .latencyP50, .latencyP90, .latencyP99, .latencyP99_9: 0.005
    // Design goal 1: one exit in a thousand requests is none.
    case .vmexitsPerIO, .ioVMExitsPerIO: 0.001
    }
  }

  /// The relative floor where the host's noise was not calibrated: of what is common on an idle machine.
  var defaultRelativeFloor: Double {
    switch self {
    case .iops, .latencyMean, .latencyP50, .iopsPerCPUSecond, .vmexitsPerIO, .ioVMExitsPerIO: 0.03
    case .latencyP90: 0.05
    case .latencyP99, .latencyP99_9: 0.10
    }
  }

  /// The columns that ``value(ofBoot:)`` reads.
  private var column: RunRecord.CodingKeys {
    switch self {
    case .iops: .iops
    case .latencyMean: .latencyMeanMicroseconds
    case .latencyP50: .latencyP50Microseconds
    case .latencyP90: .latencyP90Microseconds
    case .latencyP99: .latencyP99Microseconds
    case .latencyP99_9: .latencyP99_9Microseconds
    case .vmexitsPerIO: .vmexitsPerIO
    case .ioVMExitsPerIO: .ioVMExitsPerIO
    case .iopsPerCPUSecond: .iopsPerCPUSecond
    }
  }

  /// The figure of a boot whose guests have the rows `rows`.
  ///
  /// Rates are summed and costs put in relation to all requests. Percentiles of several guests cannot be computed from theirs:
  /// that of the guest which fared worst counts.
  ///
  /// - Returns: nil for latencies that the guest did not keep.
  func value(ofBoot rows: [Row]) throws(CSVText.Fault) -> Double? {
    // A job file with gtod_reduce or disable_clat leaves the columns empty.
    for row in rows where unit == "us" && row.text(column)?.isEmpty == true { return nil }
    switch self {
    case .iops:
      return try Self.sum(.iops, rows)
    case .latencyMean, .vmexitsPerIO, .ioVMExitsPerIO:
      // Of a Linux guest, exits belong to a part of the requests: the column knows to which.
      return Self.quotient(
        try Self.sum(rows) { row throws(CSVText.Fault) in try row.number(column) * row.number(.ios) },
        try Self.sum(.ios, rows))
    case .latencyP50, .latencyP90, .latencyP99, .latencyP99_9:
      return try Self.largest(column, rows)
    case .iopsPerCPUSecond:
      // Requests and CPU time of the same window, also of rows whose version recorded something else in the column.
      return Self.quotient(
        try Self.sum(rows) { row throws(CSVText.Fault) in try row.windowRequests() },
        try Self.sum(.pollerCPUSeconds, rows) + Self.sum(.vcpuCPUSeconds, rows))
    }
  }

  private static func sum(
    _ rows: [Row], _ value: (Row) throws(CSVText.Fault) -> Double
  ) throws(CSVText.Fault) -> Double {
    var sum = 0.0
    for row in rows { sum += try value(row) }
    return sum
  }

  private static func sum(_ column: RunRecord.CodingKeys, _ rows: [Row]) throws(CSVText.Fault) -> Double {
    try sum(rows) { row throws(CSVText.Fault) in try row.number(column) }
  }

  private static func largest(_ column: RunRecord.CodingKeys, _ rows: [Row]) throws(CSVText.Fault) -> Double {
    var largest = 0.0
    for row in rows { largest = max(largest, try row.number(column)) }
    return largest
  }

  private static func quotient(_ value: Double, _ base: Double) -> Double { base > 0 ? value / base : 0 }
}
