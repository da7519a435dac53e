import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Prints a run's progress to standard error: on one line that it rewrites or, without a terminal, now and then on a new one.
struct ProgressReporter {
  private enum Style {
    case silent
    case rewrites
    case lines(LinePace)
  }

  private let style: Style
  private let write: @Sendable (String) -> Void

  /// A reporter that is silent if `isQuiet`.
  init(isQuiet: Bool) {
    let isTerminal = isatty(STDERR_FILENO) == 1
    self.init(style: isQuiet ? .silent : isTerminal ? .rewrites : .lines(LinePace())) {
      FileHandle.standardError.write(Data($0.utf8))
    }
  }

  /// A reporter without a terminal, for a test.
  init(pace: LinePace, write: @escaping @Sendable (String) -> Void) {
    self.init(style: .lines(pace), write: write)
  }

  private init(style: Style, write: @escaping @Sendable (String) -> Void) {
    self.style = style
    self.write = write
  }

  /// Shows `status` in place of what was shown before.
  func show(_ status: String) {
    switch style {
    case .silent: break
    case .rewrites: write("\r\u{1B}[K\(status)")
    case .lines(let pace): if pace.isDue() { write("bench: \(status)\n") }
    }
  }

  /// Takes the line away.
  func clear() {
    if case .rewrites = style { show("") }
  }

  /// The status before `cell` of `plan` begins.
  static func status(of cell: RunCell, plan: RunPlan, configuration: RunConfiguration) -> String {
    let place = "[\(cell.index + 1)/\(plan.cells.count)]"
    let what = "\(cell.path.name), repetition \(cell.repetition) of \(configuration.repetitionCount)"
    guard let seconds = RunPlan.estimatedSecondsPerCell(configuration) else { return "\(place) \(what)" }
    let left = seconds * Double(plan.cells.count - cell.index)
    return "\(place) \(what), about \(Int(left.rounded(.up))) s left"
  }
}
