import CLinux
import HostSystem
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

  /// Makes the terminal `descriptor`, which stays open, raw: each key arrives as it is typed, and none sends a signal.
  ///
  /// - Throws: ENOTTY if the descriptor is not a terminal.
  init(makingRaw descriptor: Int32) throws(Errno) {
    var attributes = termios()
    try check(unsafe linux_terminal_attributes(descriptor, &attributes))
    let original = attributes
    // EBUSY: the process has one terminal already; a second one belongs to a test, and only its owner restores it.
    let isGuarded = unsafe linux_guard_terminal(descriptor, &attributes) == 0
    unsafe linux_make_raw(&attributes)
    let result = unsafe linux_set_terminal_attributes(descriptor, &attributes)
    if result < 0, isGuarded { linux_unguard_terminal() }
    try check(result)
    self.descriptor = descriptor
    self.original = original
    isGuardedAgainstCrashes = isGuarded
  }

  /// Restores the terminal's settings. Any thread; a second call has no effect.
  func restore() {
    var attributes = original
    // Fails if the terminal has disappeared, in which case there is nothing to restore.
    _ = unsafe linux_set_terminal_attributes(descriptor, &attributes)
  }

  deinit {
    var attributes = original
    _ = unsafe linux_set_terminal_attributes(descriptor, &attributes)
    if isGuardedAgainstCrashes { linux_unguard_terminal() }
  }
}
