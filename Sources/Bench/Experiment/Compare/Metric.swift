/// A quantity of a boot that verdicts are made of: a column that has a ``ColumnComparison``.
struct Metric: RawRepresentable, CaseIterable, Codable, Sendable {
  /// Which way is good.
  enum Direction: String, Codable, Sendable {
    case moreIsBetter = "more is better"
    case lessIsBetter = "less is better"
  }

  /// All of them, in the order of the columns.
  static let allCases: [Metric] = RecordColumns.all.reduce(into: []) { metrics, column in
    guard let comparison = column.comparison else { return }
    metrics.append(Metric(column: column, comparison: comparison, place: metrics.count))
  }

  private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

  /// Those that are judged unless `--metric` names others: one for each thing that a user notices. Each further one makes
  /// Holm's correction harder on all of them.
  static let judgedByDefault = allCases.filter(\.comparison.isJudgedByDefault)

  static let iops = metric(\.iops)
  static let latencyMean = metric(\.latencyMeanMicroseconds)
  static let latencyP50 = metric(\.latencyP50Microseconds)
  static let latencyP99 = metric(\.latencyP99Microseconds)
  static let latencyP99_9 = metric(\.latencyP99_9Microseconds)
  static let vmexitsPerIO = metric(\.vmexitsPerIO)
  static let ioVMExitsPerIO = metric(\.ioVMExitsPerIO)
  static let iopsPerCPUSecond = metric(\.iopsPerCPUSecond)

  private let column: any AnyRecordColumn
  private let comparison: ColumnComparison
  /// The place in `allCases`.
  let place: Int

  private init(column: any AnyRecordColumn, comparison: ColumnComparison, place: Int) {
    self.column = column
    self.comparison = comparison
    self.place = place
  }

  /// The metric of the column that is called `rawValue`; nil if boots are not compared by it.
  init?(rawValue: String) {
    guard let metric = Self.byName[rawValue] else { return nil }
    self = metric
  }

  private static func metric<Value>(_ column: ColumnPath<Value>) -> Metric {
    let name = RecordColumns.table[keyPath: column].name
    guard let metric = Metric(rawValue: name) else { preconditionFailure("\(name) has no comparison") }
    return metric
  }

  /// The column's name.
  var rawValue: String { column.name }

  /// Which way is good.
  var direction: Direction { comparison.direction }

  /// The unit, as results/SCHEMA.md has it.
  var unit: String { column.unit }

  /// The smallest change that matters at all, in ``unit``.
  var absoluteFloor: Double { comparison.absoluteFloor }

  /// The relative floor where the host's noise was not calibrated.
  var defaultRelativeFloor: Double { comparison.relativeFloor }

  /// The value of a boot whose guests have the rows `rows`; nil where a guest kept no such values, as a job file with `gtod_reduce`
  /// keeps no latencies.
  func value(ofBoot rows: [Row]) throws(CSVText.Fault) -> Double? {
    for row in rows where column.isOptional && row.text(of: column)?.isEmpty == true { return nil }
    switch comparison.combination {
    case .sum:
      return try sum(rows) { row throws(CSVText.Fault) in try row.number(column) }
    case .meanPerRequest:
      // Of a Linux guest, exits belong to a part of the requests: the column knows to which.
      return quotient(
        try sum(rows) { row throws(CSVText.Fault) in try row.number(column) * row.number(\.ios) },
        try sum(rows) { row throws(CSVText.Fault) in try row.number(\.ios) })
    case .worstGuest:
      return try worst(rows)
    case .perCPUSecond:
      // Requests and CPU time of the same window, also of rows whose version recorded something else in the column.
      return quotient(
        try sum(rows) { row throws(CSVText.Fault) in try row.windowRequests() },
        try sum(rows) { row throws(CSVText.Fault) in
          try row.number(\.ioThreadCPUSeconds) + row.number(\.vcpuCPUSeconds)
        })
    }
  }

  private func sum(
    _ rows: [Row], _ value: (Row) throws(CSVText.Fault) -> Double
  ) throws(CSVText.Fault) -> Double {
    var sum = 0.0
    for row in rows { sum += try value(row) }
    return sum
  }

  private func worst(_ rows: [Row]) throws(CSVText.Fault) -> Double {
    var worst: Double?
    for row in rows {
      let value = try row.number(column)
      worst =
        switch (worst, direction) {
        case (nil, _): value
        case (let other?, .lessIsBetter): max(other, value)
        case (let other?, .moreIsBetter): min(other, value)
        }
    }
    return worst ?? 0
  }

  private func quotient(_ value: Double, _ base: Double) -> Double { base > 0 ? value / base : 0 }
}

extension Metric: Hashable {
  static func == (left: Metric, right: Metric) -> Bool { left.place == right.place }

  func hash(into hasher: inout Hasher) { hasher.combine(place) }
}
