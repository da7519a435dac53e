import CLinux
import SystemPackage

/// A counter that one thread adds to and another waits for (`eventfd(2)`), nonblocking and closed on exec.
///
/// Any thread may call any method.
public struct EventDescriptor: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor

  /// A counter of zero.
  public init() throws(Errno) { descriptor = OwnedDescriptor(adopting: try check(linux_eventfd())) }

  /// The descriptor's number, for `epoll`, ioeventfd and irqfd.
  public var rawValue: Int32 { descriptor.rawValue }

  /// Adds one, which wakes who waits.
  public func signal() {
    // The one failure is EAGAIN of a counter at its maximum: it is signalled already.
    _ = linux_eventfd_add(descriptor.rawValue, 1)
  }

  /// Whether there is a signal that nobody has taken.
  public var isSignalled: Bool { linux_is_readable(descriptor.rawValue) == 1 }

  /// Blocks until somebody has signalled, or a signal of the operating system arrives.
  public func wait() { linux_wait_readable(descriptor.rawValue) }

  /// Takes the count and sets it to zero; 0 if nobody signalled.
  @discardableResult
  public func drain() -> UInt64 { linux_eventfd_take(descriptor.rawValue) }
}
