import Foundation

/// The comparison of the two sides of an experiment's folder.
struct FolderComparison {
  /// What is compared.
  private(set) var request: Comparison.Request
  /// Columns in which the options of the sides differ, and which are therefore no part of what is matched.
  let differing: Set<String>

  /// Reads the sides of `folder`.
  ///
  /// - Parameters:
  ///   - metrics: The metrics to judge by.
  ///   - ignoring: Columns that the user lets differ.
  init(_ folder: borrowing ExperimentFolder, metrics: [Metric], ignoring: Set<String> = []) throws {
    guard folder.plan.sides.count == 2 else {
      throw BenchFailure("\(folder.path) has one side only", exitCode: .usage)
    }
    let first = try Self.boots(of: folder, side: 0, metrics: metrics, ignoring: ignoring)
    let second = try Self.boots(of: folder, side: 1, metrics: metrics, ignoring: ignoring)
    let differing = SideDifference.columns(first, second)
    self.differing = differing
    request = Comparison.Request(
      titleA: folder.plan.sides[0].title, titleB: folder.plan.sides[1].title,
      bootsA: first.map { $0.ignoring(differing) }, bootsB: second.map { $0.ignoring(differing) },
      metrics: metrics, isPaired: true)
    request.failedBoots = Self.failedBoots(of: folder)
    request.confidentMargin = folder.plan.confidentMargin
    request.host = folder.plan.host
  }

  /// Compares, with floors from `calibrations`.
  func comparison(calibrations: [Calibration], leavesOutDoubtful: Bool) throws -> Comparison {
    var request = request
    request.calibrations = calibrations
    request.leavesOutDoubtful = leavesOutDoubtful
    let comparison = try Comparison(request)
    guard !differing.isEmpty else { return comparison }
    return comparison.adding(notes: ["A and B differ in: \(differing.sorted().joined(separator: ", "))"])
  }

  /// The boots of a side.
  static func boots(
    of folder: borrowing ExperimentFolder, side: Int, metrics: [Metric], ignoring: Set<String> = []
  ) throws -> [BootSample] {
    let path = folder.rowsPath(side: side)
    // A side whose every boot failed has no file.
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    return try BootSample.boots(of: RowFile(path: path), metrics: metrics, ignoring: ignoring)
  }

  /// The boots of each cell in which one failed.
  private static func failedBoots(of folder: borrowing ExperimentFolder) -> [Comparison.FailedBoots] {
    let failed = folder.failedBoots
    let left = Set(folder.remainingBoots.map(\.index))
    let done = folder.plan.boots.filter { !left.contains($0.index) }
    func count(cell: Int, side: Int) -> Reliability.Count {
      let failures = failed.count { $0.cell == cell && $0.side == side }
      return Reliability.Count(
        boots: failures + done.count { $0.cell == cell && $0.side == side }, failed: failures)
    }
    return Set(failed.map(\.cell)).sorted().map { cell in
      Comparison.FailedBoots(
        cell: folder.plan.cells[cell].title, a: count(cell: cell, side: 0), b: count(cell: cell, side: 1))
    }
  }
}

/// Finds the columns in which the options of two sides of an experiment differ.
enum SideDifference {
  /// Columns of the configuration that have no value on both sides.
  ///
  /// Where an option has a value on each side, the values are compared with each other and must not keep the boots apart.
  static func columns(_ first: [BootSample], _ second: [BootSample]) -> Set<String> {
    let all = ConfigurationKey.varyingColumns(of: (first + second).map(\.configuration))
    let differing = all.filter { column in
      Set(first.map { $0.configuration.values[column] }).isDisjoint(
        with: Set(second.map { $0.configuration.values[column] }))
    }
    return Set(differing)
  }
}
