import CLinux

/// Room for the answer of ``EventPoll/wait(timeoutMilliseconds:into:)``, allocated once.
public struct EventBuffer: ~Copyable {
  private var tokens: [UInt64]
  /// The number of tokens that the last wait delivered.
  public private(set) var count = 0

  /// Room for `capacity` tokens, from 1 to 64.
  public init(capacity: Int) {
    precondition((1...Int(LINUX_EPOLL_LIMIT)).contains(capacity), "a wait delivers from 1 to 64 events")
    tokens = [UInt64](repeating: 0, count: capacity)
  }

  /// The most tokens that one wait delivers; further ones come with the next.
  public var capacity: Int { tokens.count }

  /// Waits on `poll` and takes its events (`epoll_wait(2)`): their number, or -errno.
  mutating func fill(from poll: Int32, timeoutMilliseconds: Int32) -> Int32 {
    let result = DescriptorBytes.waitForEvents(poll, &tokens, timeoutMilliseconds: timeoutMilliseconds)
    count = max(0, Int(result))
    return result
  }

  /// The token of a readable descriptor, by position below ``count``.
  public subscript(index: Int) -> UInt64 {
    precondition(index >= 0 && index < count, "no such event")
    return tokens[index]
  }
}
