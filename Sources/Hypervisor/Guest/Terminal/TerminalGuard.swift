import HostSystem
import SystemPackage

/// The settings of a terminal before it became raw, and the promise that they come back.
///
/// ``restore()`` brings them back, so does the end of the owner, exit(3), and a signal that kills the process for a
/// crash. For the signals that ask a process to end (SIGTERM, SIGINT, SIGHUP) the command calls ``restore()`` from its
/// signal loop; SIGKILL leaves the terminal as it is, as it does for every program.
struct TerminalGuard: ~Copyable, Sendable {
  private let descriptor: Int32
  private let original: TerminalSettings
  private let isGuardedAgainstCrashes: Bool

  /// Makes the terminal `descriptor`, which stays open, raw: each key arrives as it is typed, and none sends a signal.
  ///
  /// - Throws: ENOTTY if the descriptor is not a terminal.
  init(makingRaw descriptor: Int32) throws(Errno) {
    let original = try TerminalSettings(of: descriptor)
    // The process may have one terminal already; a second one belongs to a test, and only its owner restores it.
    let isGuarded = original.guardTerminal(descriptor)
    do throws(Errno) { try original.forKeys.apply(to: descriptor) } catch {
      if isGuarded { TerminalSettings.unguardTerminal() }
      throw error
    }
    self.descriptor = descriptor
    self.original = original
    isGuardedAgainstCrashes = isGuarded
  }

  /// Restores the terminal's settings. Any thread; a second call has no effect.
  func restore() {
    // Fails if the terminal has disappeared, in which case there is nothing to restore.
    try? original.apply(to: descriptor)
  }

  deinit {
    try? original.apply(to: descriptor)
    if isGuardedAgainstCrashes { TerminalSettings.unguardTerminal() }
  }
}
