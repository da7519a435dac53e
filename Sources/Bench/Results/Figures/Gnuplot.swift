import Foundation

/// The program that draws.
struct Gnuplot: Sendable {
  /// The Debian package that has it.
  static let package = "gnuplot-nox"

  private let program: String

  /// gnuplot as PATH has it; nil where it is not installed.
  init?(path: String = ProcessInfo.processInfo.environment["PATH"] ?? "") {
    guard let program = CommandRun.find("gnuplot", in: path) else { return nil }
    self.program = program
  }

  /// Runs the script of `drawing` in `folder`, where script and data are; the figures come out beside them.
  ///
  /// - Throws: ``BenchFailure`` with what gnuplot says if it fails or leaves a figure out.
  func draw(_ drawing: Drawing, in folder: String) throws {
    let run = try CommandRun([program, drawing.scriptFile], folder: folder)
    guard run.exitCode == 0 else {
      throw BenchFailure(
        "gnuplot could not draw \(folder)/\(drawing.scriptFile): \(run.output)", exitCode: .ioError)
    }
    for format in Drawing.formats {
      let path = "\(folder)/\(drawing.name).\(format)"
      let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      guard let size, size > 0 else {
        throw BenchFailure("gnuplot left no \(path): \(run.output)", exitCode: .ioError)
      }
    }
  }
}
