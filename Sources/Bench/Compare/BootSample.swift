/// One boot with its figures: the unit of every comparison.
struct BootSample: Equatable, Sendable {
  /// What was measured.
  private(set) var configuration: ConfigurationKey
  /// Which boot of its configuration; in interleaved runs the block, by which boots are paired.
  let repetition: Int
  /// Where it ran.
  let host: HostIdentity
  /// The revision of bench's source, with `-dirty` behind it where files differed from it.
  let revision: String
  /// When its run began, as ISO 8601: sorts by time.
  let startedAt: String
  /// The CPUs that it ran on.
  let placement: String
  /// Whether times mean anything in absolute terms.
  let isTimingValid: Bool
  /// Whether every request succeeded and every checked block was right.
  let isSound: Bool
  /// Its rows, one for each guest.
  let rows: [Row]
  /// The line of its first row.
  let line: Int
  /// Its figures.
  let values: [Metric: Double]

  /// The boots of `file`, in its order.
  ///
  /// - Parameters:
  ///   - metrics: The figures that are needed.
  ///   - ignored: Columns of the configuration that do not tell boots apart.
  /// - Throws: ``BenchFailure`` with the line for a boot that lacks rows of its guests, or a field that is no number.
  static func boots(of file: RowFile, metrics: [Metric], ignoring ignored: Set<String> = []) throws
    -> [BootSample]
  {
    struct BootKey: Hashable {
      let runID: String?
      let configuration: ConfigurationKey
      let repetition: Int
    }
    do throws(CSVText.Fault) {
      var order: [BootKey] = []
      var rowsByBoot: [BootKey: [Row]] = [:]
      for row in file.rows {
        let key = BootKey(
          runID: row.text(.runID), configuration: ConfigurationKey(row),
          repetition: try row.integer(.repetition))
        if rowsByBoot[key] == nil { order.append(key) }
        rowsByBoot[key, default: []].append(row)
      }
      var boots: [BootSample] = []
      for key in order {
        boots.append(
          try BootSample(
            rows: rowsByBoot[key] ?? [], repetition: key.repetition, metrics: metrics, ignoring: ignored))
      }
      return boots
    } catch {
      throw BenchFailure("\(file.path):\(error.line): \(error.reason)", exitCode: .dataError)
    }
  }

  /// The same boot, told from others without `columns`.
  func ignoring(_ columns: Set<String>) -> BootSample {
    var boot = self
    boot.configuration = configuration.removing(columns)
    return boot
  }

  private init(rows: [Row], repetition: Int, metrics: [Metric], ignoring ignored: Set<String>)
    throws(CSVText.Fault)
  {
    let first = rows[0]
    let guestCount = try first.integer(.guests)
    var guests: [Int] = []
    for row in rows { guests.append(try row.integer(.guestIndex)) }
    guard guests.sorted() == Array(0..<max(1, min(guestCount, rows.count + 1))) else {
      throw CSVText.Fault(
        line: first.line,
        reason:
          "a boot of \(guestCount) guest(s) with the rows of guests \(guests.map(String.init).joined(separator: ", ")): "
          + "rows are missing, or there twice")
    }
    configuration = ConfigurationKey(first, ignoring: ignored)
    self.repetition = repetition
    host = try HostIdentity(first)
    revision = (first.text(.gitRevision) ?? "") + (first.text(.isDirty) == "true" ? "-dirty" : "")
    isTimingValid = first.text(.isTimingValid) != "false"
    startedAt = first.text(.startedAt) ?? ""
    placement = rows.map { "\($0.text(.pollerCPUs) ?? "") / \($0.text(.vcpuCPUs) ?? "")" }.joined(
      separator: "; ")
    line = first.line
    self.rows = rows
    var values: [Metric: Double] = [:]
    for metric in metrics { values[metric] = try metric.value(ofBoot: rows) }
    self.values = values
    var faults = 0.0
    for row in rows { faults += try row.number(.errors) + row.number(.verifyErrors) }
    isSound = faults == 0
  }
}
