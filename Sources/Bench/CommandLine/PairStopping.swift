import Foundation

/// Tells a comparison with `--confident` which boots it still needs.
///
/// A cell needs no further pair once every metric has its verdict. It reads the rows of the boots, so that a resumed run comes to the same
/// decisions.
final class PairStopping {
  private let plan: ExperimentPlan
  private let design: SequentialDesign
  private let metrics: [Metric]
  private let leavesOutDoubtful: Bool
  private let rowsPath: (ExperimentPlan.Boot) -> String
  /// Boots by cell, in their order.
  private let boots: [Int: [ExperimentPlan.Boot]]
  private var settledCells: Set<Int> = []
  /// The boots that were read, by index; nil if they are left out.
  private var samples: [Int: BootSample?] = [:]

  /// A rule for `plan`, whose boots leave their rows at `rowsPath`.
  init(
    plan: ExperimentPlan, design: SequentialDesign, metrics: [Metric], leavesOutDoubtful: Bool,
    rowsPath: @escaping (ExperimentPlan.Boot) -> String
  ) {
    self.plan = plan
    self.design = design
    self.metrics = metrics
    self.leavesOutDoubtful = leavesOutDoubtful
    self.rowsPath = rowsPath
    boots = Dictionary(grouping: plan.ownBoots, by: \.cell)
  }

  /// Whether `boot` is needed: if its cell is not settled, or if the other boot of its pair is there.
  func needs(_ boot: ExperimentPlan.Boot) throws -> Bool {
    if settledCells.contains(boot.cell) { return false }
    let partner = boots[boot.cell]?.first { $0.repetition == boot.repetition && $0.side != boot.side }
    if let partner, isDone(partner) { return true }
    guard try isSettled(cell: boot.cell) else { return true }
    settledCells.insert(boot.cell)
    return false
  }

  private func isDone(_ boot: ExperimentPlan.Boot) -> Bool {
    FileManager.default.fileExists(atPath: rowsPath(boot))
  }

  private func isSettled(cell: Int) throws -> Bool {
    let done = (boots[cell] ?? []).filter(isDone)
    let partners = Dictionary(
      done.filter { $0.side == 1 }.map { ($0.repetition, $0) }, uniquingKeysWith: { first, _ in first })
    var pairs: [(BootSample, BootSample)] = []
    for boot in done where boot.side == 0 {
      guard let partner = partners[boot.repetition], let first = try sample(of: boot),
        let second = try sample(of: partner)
      else { continue }
      pairs.append((first, second))
    }
    guard pairs.count >= SequentialSignTest.firstLook else { return false }
    return metrics.allSatisfy { metric in
      let values = pairs.compactMap { first, second -> SampleSet.Pair? in
        guard let a = first[metric], let b = second[metric] else { return nil }
        return SampleSet.Pair(first: a, second: b)
      }
      // A metric that no boot has settles nothing, and keeps nothing from ending.
      return values.isEmpty || design.decision(values, metric: metric).verdict != .inconclusive
    }
  }

  /// The boot's metrics; nil if they are left out.
  private func sample(of boot: ExperimentPlan.Boot) throws -> BootSample? {
    if let known = samples[boot.index] { return known }
    let sample = try BootSample.boots(of: RowFile(path: rowsPath(boot)), metrics: metrics).first {
      $0.isSound && (!leavesOutDoubtful || $0.doubts.isEmpty)
    }
    samples[boot.index] = .some(sample)
    return sample
  }
}
