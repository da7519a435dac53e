import Foundation
import Hypervisor

/// Finds contradictions among the records of a run: rows of a side that are not those of its boots, boots that are not what the plan
/// boots, and rows that differ from the JSON records beside them.
struct RecordAgreement {
  private let folder: String

  /// The first contradiction among the records in `folder`, in one line; nil if there is none.
  ///
  /// - Throws: ``BenchFailure`` for a file that cannot be read.
  static func contradiction(in folder: String) throws -> String? {
    let agreement = RecordAgreement(folder: folder)
    if FileManager.default.fileExists(atPath: "\(folder)/plan.json") {
      let plan = try ExperimentFolder.plan(in: folder)
      if let contradiction = try agreement.contradiction(with: plan) { return contradiction }
    }
    return try agreement.contradictionWithDocuments()
  }

  /// Which row this is, in a side's file and in that of its boot. The plan counts repetitions, and a boot knows one only.
  private struct Identity: Hashable {
    let runID: String
    let repetition: String
    let guestIndex: String
    let group: String

    init(_ row: Row, repetition: String?) {
      runID = row.text(\.runID) ?? ""
      self.repetition = repetition ?? row.text(\.repetition) ?? ""
      guestIndex = row.text(\.guestIndex) ?? ""
      group = row.text(\.fioGroup) ?? ""
    }
  }

  private static func name(of boot: ExperimentPlan.Boot) -> String {
    ExperimentFolder.bootRowsPath(of: boot, in: "").trimmingPrefix("/").description
  }

  private func contradiction(with plan: ExperimentPlan) throws -> String? {
    let planned = Set(plan.boots.map(Self.name))
    // Where there is no such folder, no boot has rows.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/boots")) ?? []
    for name in names.sorted() where name.hasSuffix(".csv") && !planned.contains("boots/\(name)") {
      return "boots/\(name) is of no boot of plan.json"
    }
    let expectations = BootExpectations(plan)
    for (index, side) in plan.sides.enumerated() {
      let boots = plan.boots.filter { boot in
        boot.side == index && FileManager.default.fileExists(atPath: "\(folder)/\(Self.name(of: boot))")
      }
      if let contradiction = try contradiction("\(side.name).csv", boots, expectations) {
        return contradiction
      }
    }
    return nil
  }

  /// Compares the file `name` of a side with the rows of its `boots`, cell by cell.
  private func contradiction(
    _ name: String, _ boots: [ExperimentPlan.Boot], _ expectations: BootExpectations
  ) throws -> String? {
    let path = "\(folder)/\(name)"
    guard FileManager.default.fileExists(atPath: path) else {
      return boots.first.map { "\(name) is missing, and \(Self.name(of: $0)) has rows of it" }
    }
    var rest = Dictionary(grouping: Array(try RowFile(path: path).rows)) { Identity($0, repetition: nil) }
    for boot in boots {
      for row in try RowFile(path: "\(folder)/\(Self.name(of: boot))").rows {
        let place = "\(Self.name(of: boot)):\(row.line)"
        if let difference = expectations.difference(of: row, in: boot) { return "\(place): \(difference)" }
        let identity = Identity(row, repetition: String(boot.repetition))
        guard let same = rest[identity]?.first else { return "\(name) has no row of \(place)" }
        rest[identity]?.removeFirst()
        if let difference = Self.difference(same, row) {
          return "\(name):\(same.line): \(difference.0), and \(place) has \(difference.1)"
        }
      }
    }
    return rest.values.flatMap { $0 }.map(\.line).min().map { "\(name):\($0) is a row of no boot" }
  }

  /// How the fields of two rows differ in the first column but `repetition` in which they do: `iops is 5`, and the field of `other`.
  private static func difference(_ row: Row, _ other: Row) -> (String, String)? {
    func field(_ column: String, _ row: Row) -> String? {
      // A field that cannot be read would have been refused with its file.
      (try? row.table.text(named: column, ofRow: row.index)) ?? nil
    }
    let repetition = RecordColumns.table.repetition.name
    let columns = row.table.header + other.table.header.filter { !row.table.header.contains($0) }
    for column in columns where column != repetition {
      let (text, otherText) = (field(column, row), field(column, other))
      if text != otherText { return ("\(column) is \(shown(text))", shown(otherText)) }
    }
    return nil
  }

  private static func shown(_ text: String?) -> String {
    text.map { $0.isEmpty ? "empty" : CSVText.quoted($0) } ?? "missing"
  }

  /// Compares the rows with those in the JSON records beside them. A row that no record has is no contradiction: records may be left out.
  private func contradictionWithDocuments() throws -> String? {
    for path in try RowFileSearch.csvFiles(below: folder).filter(RowFileSearch.holdsRows) {
      let file = try RowFile(path: path)
      let runs = Set(file.rows.compactMap { $0.text(\.runID) })
      let records = Dictionary(
        grouping: try RunDocuments(beside: [path], of: runs).documents.flatMap(\.results).map(\.row),
        by: \.runID)
      for row in file.rows {
        let candidates = (records[row.text(\.runID) ?? ""] ?? []).filter { Self.isSameBoot($0, row) }
        let differences = candidates.map { Self.difference(row, $0) }
        guard let first = differences.first, !differences.contains(where: { $0 == nil }) else { continue }
        return "\(BundleRecords.relative(path, to: folder)):\(row.line): \(first ?? "")"
      }
    }
    return nil
  }

  private static func isSameBoot(_ record: RunRecord, _ row: Row) -> Bool {
    record.text(\.guestIndex) == row.text(\.guestIndex) && record.text(\.seed) == row.text(\.seed)
      && record.text(\.mode) == row.text(\.mode) && record.text(\.fileSystem) == row.text(\.fileSystem)
      && record.text(\.fioGroup) == row.text(\.fioGroup) ?? ""
  }

  /// The first column but `repetition` in which `row` differs from its JSON record.
  private static func difference(_ row: Row, _ record: RunRecord) -> String? {
    for column in RecordColumns.all where column !== RecordColumns.table.repetition {
      guard row.table.has(column), let text = row.text(of: column) else { continue }
      let recorded = record.text(of: column)
      if text != recorded, !isSameValue(text, recorded, column.kind) {
        return "\(column.name) is \(shown(text)), and the JSON record has \(shown(recorded))"
      }
    }
    return nil
  }

  /// Whether two texts say the same: earlier versions wrote fewer digits, and spreadsheets write TRUE.
  private static func isSameValue(_ text: String, _ other: String, _ kind: FieldValue.Kind) -> Bool {
    switch kind {
    case .flag: text.lowercased() == other
    case .number: DecimalText.agree(text, other, relative: 1e-6)
    case .text, .integer, .count: false
    }
  }
}
