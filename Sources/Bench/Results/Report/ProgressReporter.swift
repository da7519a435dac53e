import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Tells on standard error what a run is doing, on one line that it rewrites.
struct ProgressReporter {
  private let isEnabled: Bool

  /// A reporter that is silent if `isQuiet`, or if standard error is no terminal.
  init(isQuiet: Bool) {
    isEnabled = !isQuiet && isatty(STDERR_FILENO) == 1
  }

  /// Shows `status` in place of what was shown before.
  func show(_ status: String) {
    guard isEnabled else { return }
    FileHandle.standardError.write(Data("\r\u{1B}[K\(status)".utf8))
  }

  /// Takes the line away.
  func clear() {
    show("")
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
