import Foundation
import Hypervisor

/// What the boots of `bench neighbour` say: a line for each competitor, and the CSV's lines.
struct NeighbourReport {
  /// The columns, which docs/benchmarking.md describes.
  static let columns = [
    "run_id", "started_at", "git_revision", "kernel", "mode", "engine", "direct", "seed", "repetition",
    "competitor", "iops", "latency_p50_us", "latency_p99_us", "latency_p99_9_us", "latency_max_us",
    "errors", "competitor_iops",
  ]

  /// The header line, without its line end.
  static let header = columns.joined(separator: ",")

  private(set) var boots: [NeighbourRun.Boot] = []

  mutating func add(_ boot: NeighbourRun.Boot) { boots.append(boot) }

  /// The line of `boot`, without its line end.
  static func line(
    _ boot: NeighbourRun.Boot, identity: RunIdentity, configuration: RunConfiguration, mode: DataPathMode,
    kernel: String
  ) -> String {
    let times = [boot.latency.p50, boot.latency.p99, boot.latency.p99_9, boot.latency.max].map {
      "\($0 / 1000)"
    }
    let fields =
      [
        "\(identity.runID)", "\(identity.startedAt)", identity.revision.name, kernel, mode.rawValue,
        configuration.engine.rawValue, "\(configuration.usesDirectIO)", "\(configuration.seed)",
        "\(boot.repetition)", boot.competitor.rawValue, "\(boot.iops)",
      ] + times + ["\(boot.errors)", "\(boot.competitorIOPS)"]
    return fields.map(CSVSchema.quoted).joined(separator: ",")
  }

  /// The ratio of the guest's 99.9th percentiles beside `competitor` and beside the fair one, by repetition.
  func ratios(_ competitor: Competitor) -> [Double] {
    boots.filter { $0.competitor == competitor }.compactMap { boot in
      guard let fair = boots.first(where: { $0.competitor == .fair && $0.repetition == boot.repetition }),
        fair.latency.p99_9 > 0
      else { return nil }
      return boot.latency.p99_9 / fair.latency.p99_9
    }
  }

  /// A line for each competitor: medians over the repetitions, and the ratios of the 99.9th percentile to that beside the fair competitor.
  var text: String {
    let head =
      "competitor      IOPS      p50 us     p99 us   p99.9 us     max us   competitor IOPS   p99.9 / fair"
    let lines = Competitor.allCases.compactMap { competitor -> String? in
      let boots = boots.filter { $0.competitor == competitor }
      func median(_ value: (NeighbourRun.Boot) -> Double) -> Double? { Spread(boots.map(value))?.median }
      guard let iops = median(\.iops), let p50 = median(\.latency.p50), let p99 = median(\.latency.p99),
        let p99_9 = median(\.latency.p99_9), let longest = median(\.latency.max),
        let others = median(\.competitorIOPS)
      else { return nil }
      let ratio = Spread(ratios(competitor)).map {
        String(format: "%.2f (%.2f to %.2f)", $0.median, $0.minimum, $0.maximum)
      }
      let name = competitor.rawValue.padding(toLength: 13, withPad: " ", startingAt: 0)
      return name
        + String(
          format: " %7.0f %10.1f %10.1f %10.1f %10.1f %17.0f   ", iops, p50 / 1000, p99 / 1000, p99_9 / 1000,
          longest / 1000, others) + (ratio ?? "-")
    }
    return ([head] + lines).joined(separator: "\n")
  }
}
