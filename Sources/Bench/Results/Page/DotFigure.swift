import Foundation

/// Small figures of ratios, one for each workload: a dot with its interval for each path. A length on a logarithmic axis would mean nothing,
/// so there are no bars.
struct DotFigure {
  private static let width = 360.0
  private static let labelWidth = 118.0
  private static let lineHeight = 22.0
  private static let margin = 10.0

  let measure: PathComparison.Measure
  /// The ends of the axis, the same in all figures of the measure.
  private let low: Double
  private let high: Double

  /// The figures of `measure` for `comparisons`.
  init(_ measure: PathComparison.Measure, of comparisons: [PathComparison]) {
    self.measure = measure
    let ratios = comparisons.flatMap(\.lines).compactMap { $0.ratios[measure] }
    let ends = ratios.flatMap { [$0.interval.lower, $0.interval.upper, $0.estimate] }.filter {
      $0.isFinite && $0 > 0
    }
    low = min(0.8, ends.min() ?? 1) * 0.9
    high = max(1.25, ends.max() ?? 1) * 1.1
  }

  /// The figure of one workload.
  func svg(_ comparison: PathComparison) -> String {
    let height = Self.lineHeight * Double(comparison.lines.count) + 26
    var parts = [
      "<svg class=\"dots\" role=\"img\" viewBox=\"0 0 \(number(Self.width)) \(number(height))\" "
        + "aria-label=\"\(HTMLText.escaped("\(comparison.title): \(measure.title), as a ratio to the first path"))\">"
    ]
    for tic in tics() {
      let x = number(place(tic))
      parts.append(
        "<line class=\"\(tic == 1 ? "one" : "grid")\" x1=\"\(x)\" x2=\"\(x)\" y1=\"2\" y2=\"\(number(height - 22))\"/>"
          + "<text x=\"\(x)\" y=\"\(number(height - 8))\" text-anchor=\"middle\">\(PathTable.factor(tic).trimmedZeros)</text>"
      )
    }
    for (index, line) in comparison.lines.enumerated() {
      let y = Self.lineHeight * (Double(index) + 0.5) + 2
      parts.append(
        "<text x=\"\(number(Self.labelWidth - 8))\" y=\"\(number(y + 4))\" text-anchor=\"end\">"
          + "\(HTMLText.escaped(line.series.name))</text>")
      parts.append("<g>\(element("title", hover(line)))\(mark(line, y: y))</g>")
    }
    return parts.joined() + "</svg>"
  }

  private func hover(_ line: PathComparison.Line) -> String {
    let boots = "\(line.boots.count) boot\(line.boots.count == 1 ? "" : "s")"
    guard let ratio = line.ratios[measure] else { return "\(line.series.name): 1, \(boots)" }
    let pairs = ratio.pairCount.map { "\($0) pairs" } ?? "independent boots"
    return
      "\(line.series.name): \(PathTable.factor(ratio.estimate)), interval \(PathTable.interval(ratio)), \(boots), \(pairs)"
  }

  private func mark(_ line: PathComparison.Line, y: Double) -> String {
    let ratio = line.ratios[measure]
    let x = place(ratio?.estimate ?? 1)
    var text = ""
    if let ratio {
      let (left, right) = (number(place(ratio.interval.lower)), number(place(ratio.interval.upper)))
      let (top, bottom) = (number(y - 4), number(y + 4))
      text +=
        "<path class=\"whisker\" d=\"M\(left) \(number(y))H\(right)M\(left) \(top)V\(bottom)M\(right) \(top)V\(bottom)\"/>"
    }
    return text + SeriesMark.element(line.series, x, y)
  }

  /// Where a ratio stands on the axis.
  private func place(_ ratio: Double) -> Double {
    let share = (log(max(ratio, low)) - log(low)) / (log(high) - log(low))
    return Self.labelWidth + min(1, share) * (Self.width - Self.labelWidth - 2 * Self.margin) + Self.margin
  }

  /// Round numbers of the axis, not more than fit.
  private func tics() -> [Double] {
    var all: [Double] = []
    var power = 0.001
    while power < 1e6 {
      all += [1, 2, 5].map { $0 * power }.filter { (low...high).contains($0) }
      power *= 10
    }
    let one = all.map { abs($0 - 1) < 1e-9 ? 1 : $0 }
    guard one.count > 6 else { return one }
    return one.filter { tic in tic == 1 || abs(log10(tic).rounded() - log10(tic)) < 1e-9 }
  }

  private func number(_ value: Double) -> String { String(format: "%.1f", value) }

  private func element(_ name: String, _ text: String) -> String { HTMLText.element(name, text) }
}

extension String {
  /// The text of a decimal number without zeros at its end.
  fileprivate var trimmedZeros: String {
    guard contains(".") else { return self }
    let text = reversed().drop { $0 == "0" }.reversed().map(String.init).joined()
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }
}
