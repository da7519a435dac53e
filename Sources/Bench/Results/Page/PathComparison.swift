import Foundation

/// The data paths of one workload, each with its ratio to the first.
struct PathComparison: Sendable {
  /// A value of which paths are compared.
  enum Measure: String, CaseIterable, Sendable {
    case iops
    case latency
    case cpu

    /// What a reader calls it, and which direction is better.
    var title: String {
      switch self {
      case .iops: "IOPS (more is better)"
      case .latency: "latency p50 (less is better)"
      case .cpu: "CPU time per request (less is better)"
      }
    }

    /// The value of a boot; nil if its record lacks it.
    func value(_ boot: FigureBoot) -> Double? {
      switch self {
      case .iops: boot.sample[.iops]
      case .latency: boot.sample[.latencyP50]
      case .cpu: boot.ioThreadMicrosecondsPerIO + boot.vcpuMicrosecondsPerIO
      }
    }
  }

  /// A ratio to the first path.
  struct Ratio: Equatable, Sendable {
    let estimate: Double
    let interval: ConfidenceInterval
    /// Pairs of boots of one repetition, or nil where the boots are independent.
    let pairCount: Int?
  }

  /// One path.
  struct Line: Sendable {
    let series: FigureSeries
    let boots: [FigureBoot]
    /// The ratio of each measure; empty for the first path.
    let ratios: [Measure: Ratio]
  }

  /// The workload, and what tells it from the page's others.
  let title: String
  /// In the order of legends.
  let lines: [Line]

  /// All workloads of `boots`, in the order of axes.
  static func all(of boots: [FigureBoot]) -> [PathComparison] {
    let groups = FigureGroup.groups(of: boots, varying: []) { _ in "" }
    // Where a mode chooses its engine itself, it stands beside the modes of each engine, and not alone as well.
    let elsewhere = groups.filter { $0.series.count > 1 }.flatMap(\.boots).map(\.sample.location)
    let known = Set(elsewhere)
    let kept = groups.filter { group in
      group.series.count > 1 || !group.boots.allSatisfy { known.contains($0.sample.location) }
    }
    let varying = ConfigurationKey.varyingColumns(of: kept.map(\.configuration))
      .filter { !workloadColumns.contains($0) }
    let ordered = kept.sorted { left, right in
      guard let first = left.boots.first, let second = right.boots.first else { return false }
      if first.workload != second.workload {
        return FigureWorkload.precedes(first.workload, second.workload)
      }
      return (first.iodepth, first.guests, first.workers) < (second.iodepth, second.guests, second.workers)
    }
    return ordered.map { PathComparison($0, varying: varying) }
  }

  private static let workloadColumns = RecordColumns.names { [$0.rw, $0.blockBytes] }
  private static let confidence = 0.95

  private init(_ group: FigureGroup, varying: [String]) {
    let words = varying.compactMap { column in
      group.configuration.values[column].map { "\(column)=\($0)" }
    }
    title = ([group.boots.first?.workload.name ?? ""] + words).joined(separator: " ")
    let series = group.series
    let base = series.first.map { group.boots(of: $0) } ?? []
    lines = series.enumerated().map { place, series in
      let boots = group.boots(of: series)
      var ratios: [Measure: Ratio] = [:]
      if place > 0 {
        for measure in Measure.allCases { ratios[measure] = Self.ratio(measure, of: boots, to: base) }
      }
      return Line(series: series, boots: boots, ratios: ratios)
    }
  }

  /// The ratio of `boots` to `base`, by pairs of the same file and repetition where every boot has its partner.
  private static func ratio(_ measure: Measure, of boots: [FigureBoot], to base: [FigureBoot]) -> Ratio? {
    struct Place: Hashable {
      let file: String
      let repetition: Int

      init(_ boot: FigureBoot) {
        file = boot.sample.file
        repetition = boot.sample.repetition
      }
    }
    func logarithm(_ boot: FigureBoot) -> Double? {
      measure.value(boot).flatMap { $0 > 0 ? log($0) : nil }
    }
    let first = base.compactMap(logarithm)
    let second = boots.compactMap(logarithm)
    guard first.count == base.count, second.count == boots.count else { return nil }
    let partners = Dictionary(zip(base.map(Place.init), first), uniquingKeysWith: { one, _ in one })
    let pairs = zip(boots, second).compactMap { boot, value in
      partners[Place(boot)].map { SampleSet.Pair(first: $0, second: value) }
    }
    let isPaired =
      partners.count == base.count && pairs.count == boots.count
      && Set(boots.map(Place.init)).count == boots.count
    let samples = isPaired ? SampleSet.paired(pairs) : .independent(first: first, second: second)
    guard let shift = samples.shift, let interval = samples.interval(confidence: confidence) else {
      return nil
    }
    return Ratio(
      estimate: exp(shift), interval: interval.mapEnds { exp($0) }, pairCount: isPaired ? pairs.count : nil)
  }
}
