import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Turns SIGINT, SIGTERM and SIGHUP into a question that the run asks when it can act upon the answer.
///
/// The signals are blocked, and stay pending in the process, without a handler, a thread or a descriptor. Threads
/// inherit the block, so the watch must be made before the first of them is.
struct InterruptionWatch: Sendable {
  /// Blocks the signals for the calling thread and those that it starts from now on.
  init() {
    var signals = Self.emptySet()
    unsafe sigaddset(&signals, SIGINT)
    unsafe sigaddset(&signals, SIGTERM)
    unsafe sigaddset(&signals, SIGHUP)
    // A limit on file sizes (ulimit -f) is then an error of the write, whose file is removed.
    signal(SIGXFSZ, SIG_IGN)
    // Can only fail for an unknown first argument.
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// What the user's signal makes of the exit code, or nil while none has come.
  var exitCode: BenchFailure.Code? {
    var pending = Self.emptySet()
    guard unsafe sigpending(&pending) == 0 else { return nil }
    if unsafe sigismember(&pending, SIGINT) == 1 { return .interrupted }
    if unsafe sigismember(&pending, SIGTERM) == 1 { return .terminated }
    if unsafe sigismember(&pending, SIGHUP) == 1 { return .hungUp }
    return nil
  }

  /// Whether the run should end. A system call: not for a data path.
  var isInterrupted: Bool { exitCode != nil }

  private static func emptySet() -> sigset_t {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    return signals
  }
}

/// Thrown by work that was cut short because the user asked for it.
struct RunInterruption: Error {}
