import Foundation

/// The mark of a data path in the page's small figures: a shape for each mode, so that colour is not all that tells paths apart.
enum SeriesMark {
  /// The element at `x` and `y`, which is about 10 points wide.
  static func element(_ series: FigureSeries, _ x: Double, _ y: Double) -> String {
    "<path class=\"mark\" fill=\"\(series.colour)\" d=\"\(path(series, x, y))\"/>"
  }

  private static func path(_ series: FigureSeries, _ x: Double, _ y: Double) -> String {
    let size = 5.0
    func point(_ dx: Double, _ dy: Double) -> String { "\(number(x + dx * size)) \(number(y + dy * size))" }
    switch series.path.mode {
    case .virtioBlock:
      return "M\(point(-0.9, -0.9))L\(point(0.9, -0.9))L\(point(0.9, 0.9))L\(point(-0.9, 0.9))Z"
    case .virtioBlockPolled: return "M\(point(0, -1.1))L\(point(1.1, 0.9))L\(point(-1.1, 0.9))Z"
    case .virtioBlockTuned: return "M\(point(0, 1.1))L\(point(1.1, -0.9))L\(point(-1.1, -0.9))Z"
    case .vext:
      return "M\(point(-1, 0))a\(number(size)) \(number(size)) 0 1 0 \(number(2 * size)) 0"
        + "a\(number(size)) \(number(size)) 0 1 0 \(number(-2 * size)) 0Z"
    case .vextAdaptive: return "M\(point(0, -1.3))L\(point(1.3, 0))L\(point(0, 1.3))L\(point(-1.3, 0))Z"
    case .vextService: return "M\(point(-0.4, -1))L\(point(0.4, -1))L\(point(0.4, 1))L\(point(-0.4, 1))Z"
    // Arrows to the left and to the right.
    case .vhostUserVextd: return "M\(point(-1.1, 0))L\(point(0.9, -1.1))L\(point(0.9, 1.1))Z"
    case .vhostUserStorageDaemon: return "M\(point(1.1, 0))L\(point(-0.9, -1.1))L\(point(-0.9, 1.1))Z"
    // A house, a bar and an hourglass.
    case .virtio9P:
      return "M\(point(-0.9, 1))L\(point(-0.9, -0.3))L\(point(0, -1.2))L\(point(0.9, -0.3))L\(point(0.9, 1))Z"
    case .virtioFS: return "M\(point(-1.2, -0.4))L\(point(1.2, -0.4))L\(point(1.2, 0.4))L\(point(-1.2, 0.4))Z"
    case .host: return "M\(point(-1, -1))L\(point(1, -1))L\(point(-1, 1))L\(point(1, 1))Z"
    }
  }

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }
}
