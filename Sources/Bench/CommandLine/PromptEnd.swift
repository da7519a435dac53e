import Foundation
import HostSystem

#if canImport(Glibc)
  import Glibc
#endif

/// Ends the program soon after the user asks for it, whatever it does at that moment: for commands that leave nothing to tidy up.
///
/// SQLite rolls back what a program left incomplete when the database is next opened.
final class PromptEnd {
  private static let pause = DispatchTimeInterval.milliseconds(50)
  private let timer: any DispatchSourceTimer

  /// Begins to watch for SIGINT, SIGTERM and SIGHUP. Call it before the first thread exists, because all threads inherit the blocked signals.
  init() {
    let watch = InterruptionWatch()
    timer = DispatchSource.makeTimerSource(queue: .global(qos: .userInteractive))
    timer.schedule(deadline: .now(), repeating: Self.pause)
    timer.setEventHandler {
      guard let code = watch.exitCode else { return }
      StandardError.write(.error, "interrupted", from: "bench")
      _exit(code.rawValue)
    }
    timer.activate()
  }

  deinit { timer.cancel() }
}
