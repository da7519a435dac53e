import Foundation

extension Drawing.Panel {
  /// About the width of a letter of a mark, in points.
  private static let letterWidth = 8.6
  /// What is between an axis and its marks.
  private static let gap = 14.0
  /// The axis of a figure with one panel, in points.
  private static let axisWidth = 600.0

  /// The angle at which marks with these names do not lie over each other in a figure with one panel.
  static func ticAngle(for names: [String]) -> Int {
    let longest = names.map(\.count).max() ?? 0
    return Double(longest * names.count) * letterWidth > axisWidth ? 30 : 0
  }

  /// The height of the marks of the x axis, in points; 0 where gnuplot chooses them or they lie.
  var ticHeight: Double {
    guard ticAngle > 0, let longest = xTics?.map(\.name.count).max() else { return 0 }
    return Double(longest) * Self.letterWidth * sin(Double(ticAngle) * .pi / 180) + Self.gap
  }

  /// How far the turned marks reach to the left of an axis of `width` points.
  func leftOverhang(width: Double) -> Double {
    guard ticAngle > 0, let range = xRange, let tics = xTics else { return 0 }
    let unit = width / (range.upperBound - range.lowerBound)
    let share = cos(Double(ticAngle) * .pi / 180)
    return tics.map { tic in
      Double(tic.name.count) * Self.letterWidth * share - (tic.place - range.lowerBound) * unit
    }.max() ?? 0
  }
}
