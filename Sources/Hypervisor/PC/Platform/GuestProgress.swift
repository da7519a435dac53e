/// What the guest's init says of itself: the byte that it writes to ``ProgressPort``.
public enum GuestProgress: UInt8, Sendable {
  /// The kernel has started the init.
  case running = 0
  /// The command runs, and what comes from the console is its input from now on.
  case readsInput = 1
  /// The root or the command could not be started; the machine ends next.
  case startFailed = 2
}
