import CLinux
import SystemPackage

/// Signals to be read instead of handled (`signalfd(2)`), nonblocking and closed on exec.
///
/// Make it in the main thread before any other thread: signals are blocked in the calling thread and in those that
/// it makes later, and a thread that does not block them would get them.
public struct SignalDescriptor: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor

  /// Blocks `signals` in the calling thread and collects them. `EINVAL` for a number outside 1...64.
  public init(_ signals: [Int32]) throws(Errno) {
    var mask: UInt64 = 0
    for signal in signals {
      guard (1...64).contains(signal) else { throw Errno.invalidArgument }
      mask |= 1 << UInt64(signal - 1)
    }
    descriptor = OwnedDescriptor(adopting: try check(linux_signalfd(mask)))
  }

  /// The descriptor's number, for ``EventPoll``.
  public var rawValue: Int32 { descriptor.rawValue }

  /// The next signal that arrived, if any.
  public func read() -> Int32? {
    let number = linux_signalfd_take(descriptor.rawValue)
    return number == 0 ? nil : number
  }
}
