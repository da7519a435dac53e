import CLinux
import SystemPackage

/// The settings of a terminal before it became raw, and the promise that they come back.
///
/// ``restore()`` brings them back, so does the end of the owner, exit(3), and a signal that kills the process for a
/// crash. For the signals that ask a process to end (SIGTERM, SIGINT, SIGHUP) the command calls ``restore()`` from its
/// signal loop; SIGKILL leaves the terminal as it is, as it does for every program.
struct TerminalGuard: ~Copyable, Sendable {
  private let descriptor: Int32
  private let original: termios
  private let isGuardedAgainstCrashes: Bool

  /// Makes the terminal `descriptor`, which stays open, raw: each key comes as it is typed, and none is a signal.
  ///
  /// - Throws: ENOTTY for what is no terminal.
  init(makingRaw descriptor: Int32) throws(Errno) {
    var attributes = termios()
    try Self.check(unsafe linux_terminal_attributes(descriptor, &attributes))
    let original = attributes
    // EBUSY: the process has one terminal; a second one is a test's, and is restored by its owner alone.
    let isGuarded = unsafe linux_guard_terminal(descriptor, &attributes) == 0
    unsafe linux_make_raw(&attributes)
    let result = unsafe linux_set_terminal_attributes(descriptor, &attributes)
    if result < 0, isGuarded { linux_unguard_terminal() }
    try Self.check(result)
    self.descriptor = descriptor
    self.original = original
    isGuardedAgainstCrashes = isGuarded
  }

  /// Gives the terminal its settings back. Any thread; twice does no harm.
  func restore() {
    var attributes = original
    // Fails for a terminal that has gone away, which needs nothing.
    _ = unsafe linux_set_terminal_attributes(descriptor, &attributes)
  }

  deinit {
    var attributes = original
    _ = unsafe linux_set_terminal_attributes(descriptor, &attributes)
    if isGuardedAgainstCrashes { linux_unguard_terminal() }
  }

  private static func check(_ result: Int32) throws(Errno) {
    guard result >= 0 else { throw Errno(rawValue: -result) }
  }
}
