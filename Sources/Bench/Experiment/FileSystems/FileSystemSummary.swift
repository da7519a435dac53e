import Foundation

/// The results of `bench fs`: medians of each file system, and ratios of pairs.
struct FileSystemSummary: Encodable, Equatable, Sendable {
  /// What a workload came to on a file system.
  struct Column: Encodable, Equatable, Sendable {
    let fileSystem: HostFileSystem
    let median: Double
    let minimum: Double
    let maximum: Double
    /// In the order of the repetitions.
    let values: [Double]

    enum CodingKeys: String, CodingKey {
      case fileSystem = "file_system"
      case median, minimum, maximum, values
    }
  }

  /// One file system's results by another's.
  struct Ratio: Encodable, Equatable, Sendable {
    let of: HostFileSystem
    let to: HostFileSystem
    /// The Hodges-Lehmann estimate over the pairs of a repetition, from logarithms.
    let ratio: Double
    /// All ratios that the Wilcoxon test of the pairs does not reject.
    let interval: ConfidenceInterval
    /// How many repetitions have both.
    let pairs: Int
  }

  /// The results of a workload.
  struct Line: Encodable, Equatable, Sendable {
    let workload: HostWorkload
    let unit: String
    let columns: [Column]
    let ratios: [Ratio]

    enum CodingKeys: String, CodingKey {
      case workload, unit, ratios
      case columns = "file_systems"
    }
  }

  /// The run's id.
  let runID: String
  /// What was asked for.
  let settings: FileSystemSettings
  /// Whether everything that was planned was measured.
  let isComplete: Bool
  /// A line for each workload with a measurement.
  let lines: [Line]
  /// What the reader must know.
  let notes: [String]

  /// The names in JSON.
  enum CodingKeys: String, CodingKey {
    case runID = "run_id"
    case isComplete = "complete"
    case settings, notes
    case lines = "workloads"
  }

  /// The confidence of the intervals where there are enough pairs.
  private static let confidence = 0.95

  /// The summary of `measurements`, in any order.
  init(
    runID: String, settings: FileSystemSettings, measurements: [FileSystemMeasurement], notes: [String] = []
  ) {
    self.runID = runID
    self.settings = settings
    self.notes = notes
    isComplete = measurements.count == FileSystemPlan(settings).cells.count
    lines = settings.workloads.compactMap { workload in
      let own = measurements.filter { $0.cell.workload == workload }
      return own.isEmpty ? nil : Self.line(workload, fileSystems: settings.fileSystems, own)
    }
  }

  private static func line(
    _ workload: HostWorkload, fileSystems: [HostFileSystem], _ measurements: [FileSystemMeasurement]
  ) -> Line {
    func values(_ fileSystem: HostFileSystem) -> [Int: Double] {
      Dictionary(
        measurements.filter { $0.cell.fileSystem == fileSystem }.map { ($0.cell.repetition, $0.value) },
        uniquingKeysWith: { first, _ in first })
    }
    let columns = fileSystems.compactMap { fileSystem -> Column? in
      let ordered = values(fileSystem).sorted { $0.key < $1.key }.map(\.value)
      guard let spread = Spread(ordered) else { return nil }
      return Column(
        fileSystem: fileSystem, median: spread.median, minimum: spread.minimum, maximum: spread.maximum,
        values: ordered)
    }
    let own = values(.fuseVext)
    let ratios = fileSystems.filter { $0 != .fuseVext }.compactMap { fileSystem in
      ratio(of: own, to: fileSystem, values(fileSystem))
    }
    return Line(workload: workload, unit: workload.unit, columns: columns, ratios: ratios)
  }

  /// On logarithms, a repetition at half speed weighs as much as any other.
  private static func ratio(of own: [Int: Double], to fileSystem: HostFileSystem, _ others: [Int: Double])
    -> Ratio?
  {
    let logarithms = own.sorted { $0.key < $1.key }.compactMap { repetition, value -> Double? in
      guard let other = others[repetition], value > 0, other > 0 else { return nil }
      return log(value / other)
    }
    guard let location = HodgesLehmann.location(of: logarithms),
      let interval = ConfidenceInterval.ofLocation(logarithms, confidence: confidence)
    else { return nil }
    return Ratio(
      of: .fuseVext, to: fileSystem, ratio: exp(location), interval: interval.mapEnds { exp($0) },
      pairs: logarithms.count)
  }
}

extension FileSystemSummary {
  /// The summary in `format`, ended by a line feed.
  func text(_ format: ReportFormat) throws -> String {
    switch format {
    case .table: table.plainText() + noteLines
    case .markdown: table.markdown() + "\n" + noteLines
    case .json: try json()
    }
  }

  private var noteLines: String { notes.map { "- \($0)\n" }.joined() }

  private var table: ReportTable {
    let fileSystems = settings.fileSystems
    let others = fileSystems.contains(.fuseVext) ? fileSystems.filter { $0 != .fuseVext } : []
    var table = ReportTable(
      headings: [.init(title: "workload"), .init(title: "unit")]
        + fileSystems.map { .init(title: $0.rawValue, isNumber: true) }
        + others.map { .init(title: "fuse-vext/\($0.rawValue)", isNumber: true) })
    table.lines = lines.map { line in
      let columns = fileSystems.map { fileSystem in
        Self.cell(line.columns.first { $0.fileSystem == fileSystem })
      }
      let ratios = others.map { other in Self.cell(line.ratios.first { $0.to == other }) }
      return [line.workload.rawValue, line.unit] + columns + ratios
    }
    return table
  }

  /// The median, and the smallest and largest where there is more than one value.
  private static func cell(_ column: Column?) -> String {
    guard let column else { return "-" }
    let median = NumberText.text(column.median)
    guard column.values.count > 1 else { return median }
    return "\(median) (\(NumberText.text(column.minimum))..\(NumberText.text(column.maximum)))"
  }

  /// The ratio, and its interval with the confidence where there is more than one pair.
  private static func cell(_ ratio: Ratio?) -> String {
    guard let ratio else { return "-" }
    let text = String(format: "%.2f", ratio.ratio)
    guard ratio.pairs > 1 else { return text }
    return text
      + String(
        format: " (%.2f..%.2f, %.0f %%)", ratio.interval.lower, ratio.interval.upper,
        ratio.interval.confidence * 100)
  }

  private func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}
