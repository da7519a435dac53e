/// One boot with its metrics: the unit of every comparison.
struct BootSample: Equatable, Sendable {
  /// What was measured.
  private(set) var configuration: ConfigurationKey
  /// The run that it belongs to.
  let runID: String
  /// Which boot of its configuration. Boots of the same repetition were close in time, and are paired.
  let repetition: Int
  /// What it has in common with other boots of its file.
  private let origin: BootOrigin
  /// When its run began, as ISO 8601: sorts by time.
  let startedAt: String
  /// The CPUs that it ran on.
  let placement: String
  /// Whether times mean anything in absolute terms.
  let isTimingValid: Bool
  /// Whether every request succeeded, every checked I/O block was right, and there was a request at all.
  let isSound: Bool
  /// The reasons not to trust its results.
  let doubts: Set<TrustIssue>
  /// The share of all CPUs that other work kept busy within the window; nil if the record does not say.
  let otherShare: Double?
  /// The line of its first row.
  let line: Int
  /// The metrics that were asked for, in the order of the origin's.
  private let values: [Double?]

  /// Where it ran.
  var host: HostIdentity { origin.host }
  /// The revision of bench's source, with `-dirty` behind it where files differed from it.
  var revision: String { origin.revision }
  /// The file of its rows.
  var file: String { origin.file }

  /// The value of `metric`; nil if it was not asked for.
  subscript(metric: Metric) -> Double? { origin.metrics.firstIndex(of: metric).flatMap { values[$0] } }

  /// Where the boot stands, for a message: `rows.csv:12`.
  var location: String { "\(file):\(line)" }

  /// The boots of `file`, in its order.
  ///
  /// - Parameters:
  ///   - metrics: The metrics that are needed.
  ///   - ignored: Columns of the configuration that do not tell boots apart.
  /// - Throws: ``BenchFailure`` with the line for a boot that lacks rows of its guests, or a field that is not a number.
  static func boots(of file: RowFile, metrics: [Metric], ignoring ignored: Set<String> = []) throws
    -> [BootSample]
  {
    try collect(of: file, metrics: metrics, ignoring: ignored) { boot, _ in boot }
  }

  /// The same, each with its rows.
  static func rowsByBoot(of file: RowFile, metrics: [Metric], ignoring ignored: Set<String> = []) throws
    -> [(boot: BootSample, rows: [Row])]
  {
    try collect(of: file, metrics: metrics, ignoring: ignored) { ($0, $1) }
  }

  /// What `body` makes of each boot and its rows. Only that stays in memory.
  private static func collect<Element>(
    of file: RowFile, metrics: [Metric], ignoring ignored: Set<String>, _ body: (BootSample, [Row]) -> Element
  ) throws -> [Element] {
    do throws(CSVText.Fault) {
      var interner = RowInterner(ignoring: ignored)
      var places: [BootKey: Int] = [:]
      var groups: [(key: BootKey, rows: [Row])] = []
      for row in file.rows {
        let key = BootKey(
          runID: interner.shared(row.text(\.runID) ?? ""), configuration: interner.configuration(of: row),
          repetition: try row.integer(\.repetition))
        if let place = places[key] {
          groups[place].rows.append(row)
        } else {
          places[key] = groups.count
          groups.append((key, [row]))
        }
      }
      var elements: [Element] = []
      elements.reserveCapacity(groups.count)
      for (key, rows) in groups {
        let boot = try BootSample(
          rows: rows, file: file.path, runID: key.runID, configuration: interner.keys[key.configuration],
          repetition: key.repetition, metrics: metrics, interner: &interner)
        elements.append(body(boot, rows))
      }
      return elements
    } catch {
      throw RowFile.failure(error, path: file.path)
    }
  }

  /// What tells a boot of a file from others.
  private struct BootKey: Hashable {
    let runID: String
    let configuration: Int
    let repetition: Int
  }

  /// The same boot, distinguished from others without `columns`.
  func ignoring(_ columns: Set<String>) -> BootSample {
    guard !columns.isEmpty else { return self }
    var boot = self
    boot.configuration = configuration.removing(columns)
    return boot
  }

  private init(
    rows: [Row], file: String, runID: String, configuration: ConfigurationKey, repetition: Int,
    metrics: [Metric], interner: inout RowInterner
  ) throws(CSVText.Fault) {
    let first = rows[0]
    let guestCount = try first.integer(\.guests)
    var guests: [Int] = []
    for row in rows { guests.append(try row.integer(\.guestIndex)) }
    guard guests.sorted() == Array(0..<max(1, min(guestCount, rows.count + 1))) else {
      throw CSVText.Fault(
        line: first.line,
        reason:
          "a boot of \(guestCount) guest(s) with the rows of guests \(guests.map(String.init).joined(separator: ", ")): "
          + "rows are missing, or there twice")
    }
    self.configuration = configuration
    self.runID = runID
    self.repetition = repetition
    origin = interner.shared(
      BootOrigin(
        host: try HostIdentity(first),
        revision: (first.text(\.gitRevision) ?? "") + (first.bool(\.isDirty) == true ? "-dirty" : ""),
        file: file, metrics: metrics))
    isTimingValid = first.bool(\.isTimingValid) != false
    startedAt = interner.shared(first.text(\.startedAt) ?? "")
    placement = interner.shared(
      rows.map { "\($0.text(\.ioThreadCPUs) ?? "") / \($0.text(\.vcpuCPUs) ?? "")" }.joined(separator: "; "))
    line = first.line
    var values: [Double?] = []
    values.reserveCapacity(metrics.count)
    for metric in metrics { values.append(try metric.value(ofBoot: rows)) }
    self.values = values
    var faults = 0.0
    var requests = 0.0
    for row in rows {
      faults += try row.number(\.errors) + row.number(\.verifyErrors)
      requests += try row.number(\.ios)
    }
    isSound = faults == 0 && requests > 0
    doubts = interner.shared(try TrustIssue.issues(ofBoot: rows))
    otherShare = try first.optionalNumber(\.otherShare)
  }
}
