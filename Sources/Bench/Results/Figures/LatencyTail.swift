import Foundation

/// The distribution of a series' latencies by the share of requests that took longer, which is what a logarithmic axis of
/// probabilities shows: p90, p99 and p99.9 are as far apart as p99.9 and p99.99.
enum LatencyTail {
  /// A boot shows a share only if at least this number of its requests took longer.
  static let fewestRequests = 10.0

  /// Shares of requests that took longer, descending: every percent down to p90, then nine steps to each further nine.
  static let shares: [Double] = {
    let percents = (10...99).reversed().map { Double($0) / 100 }
    let scales: [Double] = [100, 1000, 10_000]
    let steps = scales.flatMap { scale in (1...9).reversed().map { Double($0) / scale } }
    return percents + steps + [0.00001]
  }()

  /// The curve of `boots`: for each share the median latency in microseconds, the smallest, the largest and the boots.
  ///
  /// It ends where most boots have too few requests beyond, so that one boot that was stopped does not take the others' tail away.
  static func block(_ name: String, _ boots: [FigureBoot]) -> DataBlock {
    var block = DataBlock(
      title: "\(name), by the share of requests that took longer",
      columns: DataBlock.spreadColumns("share beyond", "latency us"))
    let curves = boots.compactMap(\.latencies)
    for share in shares {
      let own = curves.filter { share * Double($0.requestCount) >= fewestRequests }
      guard own.count * 2 > curves.count else { break }
      let samples = own.map { $0.nanoseconds(atShare: 1 - share) / 1000 }
      if let line = DataBlock.spreadLine(share, samples, name: name) { block.rows.append(line) }
    }
    return block
  }

  /// `p50`, `p99.9`: what a reader calls the share `beyond`.
  static func percentile(_ beyond: Double) -> String {
    let text = String(format: "%.3f", 100 * (1 - beyond))
    let digits = text.reversed().drop { $0 == "0" }.reversed()
    return "p" + (digits.last == "." ? String(digits.dropLast()) : String(digits))
  }

  /// The outline of all boots of a curve: along the fastest, and back along the slowest.
  static func band(_ name: String, _ curve: DataBlock) -> DataBlock {
    let up = curve.rows.map { DataBlock.Line(values: [$0.values[2], $0.values[0]], name: name) }
    let down = curve.rows.reversed().map { DataBlock.Line(values: [$0.values[3], $0.values[0]], name: name) }
    return DataBlock(
      title: "\(curve.title), all boots", columns: ["latency us", curve.columns[0]], rows: up + down)
  }
}
