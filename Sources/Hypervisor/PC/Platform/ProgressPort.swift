/// Port F5h, to which the guest's init writes a ``GuestProgress``: how far the start has come.
public final class ProgressPort: BusDevice {
  /// The port.
  public static let port: UInt64 = 0xF5
  private let reached: @Sendable (GuestProgress) -> Void

  /// Makes a port that calls `reached` for each known byte that is written, on a vCPU thread.
  public init(reached: @escaping @Sendable (GuestProgress) -> Void) { self.reached = reached }

  /// Returns all ones.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 { .max }

  /// Reads the low byte; ignores values that ``GuestProgress`` lacks.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    if let progress = GuestProgress(rawValue: UInt8(truncatingIfNeeded: value)) { reached(progress) }
  }
}

/// What the guest's init says of itself: the byte that it writes to ``ProgressPort``.
public enum GuestProgress: UInt8, Sendable {
  /// The kernel has started the init.
  case running = 0
  /// The command runs, and what comes from the console is its input from now on.
  case readsInput = 1
  /// The root or the command could not be started; the machine ends next.
  case startFailed = 2
}
