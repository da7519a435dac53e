import CLinux

/// Room for the answer of ``EventPoll/wait(timeoutMilliseconds:into:)``, allocated once.
@safe
public struct EventBuffer: ~Copyable {
  private let events: UnsafeMutablePointer<epoll_event>
  /// The most tokens that one wait delivers; further ones come with the next.
  public let capacity: Int
  /// The number of tokens that the last wait delivered.
  public private(set) var count = 0

  /// Room for `capacity` tokens, at least one.
  public init(capacity: Int) {
    precondition(capacity > 0 && capacity <= Int(Int32.max), "epoll needs room for an event")
    self.capacity = capacity
    unsafe events = .allocate(capacity: capacity)
    unsafe events.initialize(repeating: epoll_event(), count: capacity)
  }

  /// Waits on `poll` and takes its events (`epoll_wait(2)`): their number, or -errno.
  mutating func fill(from poll: Int32, timeoutMilliseconds: Int32) -> Int32 {
    // SAFETY: the initializer allocated memory for `capacity` events, which fits Int32.
    let result = unsafe linux_epoll_wait(poll, events, Int32(capacity), timeoutMilliseconds)
    count = max(0, Int(result))
    return result
  }

  /// The token of a readable descriptor, by position below ``count``.
  public subscript(index: Int) -> UInt64 {
    precondition(index >= 0 && index < count, "no such event")
    // SAFETY: the index was checked against what the kernel filled in.
    return unsafe linux_epoll_token(events + index)
  }

  deinit { unsafe events.deallocate() }
}
