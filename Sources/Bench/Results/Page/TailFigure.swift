import Foundation

/// The latencies of one workload's paths up to their tails, on a logarithmic axis of probabilities.
///
/// Up to six paths share one pair of axes; more get a small panel each.
struct TailFigure {
  /// The figure's name among what the page's figures can show.
  static let name = "tail"
  /// What a reader calls it.
  static let title = "latency tail, us"

  private static let width = 360.0
  private static let left = 44.0
  private static let right = 350.0
  private static let plotHeight = 150.0
  private static let panelHeight = 96.0
  private static let legendHeight = 16.0
  /// Shares of slower requests at which the axis has a mark, and a curve its shape.
  private static let marks = [0.5, 0.1, 0.01, 0.001, 0.0001, 0.00001]

  private struct Curve {
    let series: FigureSeries
    let bootCount: Int
    let block: DataBlock

    /// The points at the axis' marks.
    var marked: [DataBlock.Line] {
      block.rows.filter { row in TailFigure.marks.contains { abs($0 / row.values[0] - 1) < 1e-6 } }
    }
  }

  private let heading: String
  private let curves: [Curve]
  /// Ends of the axis of latencies, in microseconds.
  private let times: ClosedRange<Double>
  /// The share of requests beyond the last point.
  private let end: Double

  /// The figure of `comparison`; nil if its boots have no latencies, or too few requests.
  init?(_ comparison: PathComparison) {
    heading = comparison.title
    curves = comparison.lines.map {
      Curve(series: $0.series, bootCount: $0.boots.count, block: LatencyTail.block($0.series.name, $0.boots))
    }.filter { $0.block.rows.count > 1 }
    guard let range = SmallMultiples.range(of: curves.map(\.block), columns: 1...3),
      let end = curves.flatMap(\.block.rows).map({ $0.values[0] }).min()
    else { return nil }
    times = range
    self.end = end
  }

  /// The element.
  var svg: String {
    let isLarge = curves.count > SmallMultiples.largestSharedCount
    let rows = isLarge ? (curves.count + 1) / 2 : 1
    let height =
      isLarge
      ? Double(rows) * Self.panelHeight + 4
      : Self.plotHeight + 34 + Double((curves.count + 1) / 2) * Self.legendHeight
    let head =
      "<svg class=\"dots tail\" role=\"img\" viewBox=\"0 0 \(number(Self.width)) \(number(height))\" "
      + "aria-label=\"\(HTMLText.escaped("\(heading): latencies up to the tail, by percentile"))\">"
    return head + (isLarge ? multiples : shared) + "</svg>"
  }

  /// One pair of axes, and a legend below.
  private var shared: String {
    let axes = Axes(
      left: Self.left, right: Self.right, top: 6, bottom: 6 + Self.plotHeight, times: times, end: end)
    let lines = curves.map { line($0, axes, isOwn: true) }
    let legend = curves.enumerated().map { place, curve in
      let x = place.isMultiple(of: 2) ? 14 : Self.width / 2 + 8
      let y = axes.bottom + 34 + Double(place / 2) * Self.legendHeight
      return SeriesMark.element(curve.series, x, y - 4) + text(curve.series.name, x + 10, y, "start")
    }
    return grid(axes) + lines.joined() + legend.joined()
  }

  /// A panel for each path, two in a row, with the others as grey lines.
  private var multiples: String {
    curves.indices.map { place in
      let x = place.isMultiple(of: 2) ? 0.0 : Self.width / 2
      let y = Double(place / 2) * Self.panelHeight
      let axes = Axes(
        left: x + 40, right: x + Self.width / 2 - 6, top: y + 18, bottom: y + Self.panelHeight - 18,
        times: times,
        end: end)
      let others = curves.indices.filter { $0 != place }.map { line(curves[$0], axes, isOwn: false) }
      return grid(axes) + others.joined() + line(curves[place], axes, isOwn: true)
        + text(curves[place].series.name, x + 40, y + 12, "start")
    }.joined()
  }

  /// A pair of logarithmic axes: times to the right, percentiles upwards.
  private struct Axes {
    let left: Double
    let right: Double
    let top: Double
    let bottom: Double
    let times: ClosedRange<Double>
    let end: Double

    func x(_ time: Double) -> Double {
      let share = (log(time) - log(times.lowerBound)) / (log(times.upperBound) - log(times.lowerBound))
      return left + min(1, max(0, share)) * (right - left)
    }

    func y(_ beyond: Double) -> Double { bottom - min(1, log(beyond) / log(end * 0.9)) * (bottom - top) }
  }

  private func grid(_ axes: Axes) -> String {
    let percentiles = Self.marks.filter { $0 >= end * 0.999 }.map { mark in
      let y = number(axes.y(mark))
      return
        "<line class=\"grid\" x1=\"\(number(axes.left))\" x2=\"\(number(axes.right))\" y1=\"\(y)\" y2=\"\(y)\"/>"
        + text(LatencyTail.percentile(mark), axes.left - 4, axes.y(mark) + 4, "end")
    }
    let tics = timeTics.map { tic in
      let x = number(axes.x(tic))
      return
        "<line class=\"grid\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(number(axes.top))\" y2=\"\(number(axes.bottom))\"/>"
        + text(NumberText.short(tic), axes.x(tic), axes.bottom + 13, "middle")
    }
    return percentiles.joined() + tics.joined()
  }

  /// Round times, not more than fit.
  private var timeTics: [Double] {
    func all(_ digits: [Double]) -> [Double] {
      (-3...7).flatMap { power in digits.map { $0 * pow(10, Double(power)) } }.filter { times.contains($0) }
    }
    let limit = curves.count > SmallMultiples.largestSharedCount ? 4 : 7
    return [all([1, 2, 5]), all([1, 3]), all([1])].first { $0.count <= limit } ?? []
  }

  private func line(_ curve: Curve, _ axes: Axes, isOwn: Bool) -> String {
    let points = curve.block.rows.map { "\(number(axes.x($0.values[1]))) \(number(axes.y($0.values[0])))" }
    let path = "M" + points.joined(separator: "L")
    guard isOwn else { return "<path class=\"other\" d=\"\(path)\"/>" }
    let shapes = curve.marked.map {
      SeriesMark.element(curve.series, axes.x($0.values[1]), axes.y($0.values[0]))
    }
    let dashes = curve.series.dashType == 1 ? "" : " stroke-dasharray=\"5 3\""
    return
      "<g>\(HTMLText.element("title", hover(curve)))<path class=\"curve\" stroke=\"\(curve.series.colour)\"\(dashes) d=\"\(path)\"/>"
      + shapes.joined() + "</g>"
  }

  private func hover(_ curve: Curve) -> String {
    let values = curve.marked.map {
      "\(LatencyTail.percentile($0.values[0])) \(NumberText.text($0.values[1])) us"
    }
    return
      "\(curve.series.name): \(values.joined(separator: ", ")), \(curve.bootCount) boot\(curve.bootCount == 1 ? "" : "s")"
  }

  private func text(_ text: String, _ x: Double, _ y: Double, _ anchor: String) -> String {
    "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">\(HTMLText.escaped(text))</text>"
  }

  private func number(_ value: Double) -> String { String(format: "%.1f", value) }
}
