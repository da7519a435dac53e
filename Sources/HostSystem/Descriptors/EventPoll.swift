import CLinux
import SystemPackage

/// A set of descriptors to wait on (`epoll(7)`, level-triggered).
///
/// Any thread may add and remove; a wait needs a buffer that belongs to the waiting thread.
public struct EventPoll: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor

  /// An empty set.
  public init() throws(Errno) { descriptor = OwnedDescriptor(adopting: try check(linux_epoll_create())) }

  /// Watches `descriptor`; its events carry `token`.
  public func add(
    descriptor watched: Int32, token: UInt64, interest: DescriptorInterest = .readable
  ) throws(Errno) {
    try check(linux_epoll_add(descriptor.rawValue, watched, token, interest.rawValue))
  }

  /// Watches a descriptor of the set for something else.
  public func change(descriptor watched: Int32, token: UInt64, interest: DescriptorInterest) throws(Errno) {
    try check(linux_epoll_change(descriptor.rawValue, watched, token, interest.rawValue))
  }

  /// Stops watching `descriptor`, which must still be open.
  public func remove(descriptor watched: Int32) throws(Errno) {
    try check(linux_epoll_remove(descriptor.rawValue, watched))
  }

  /// Blocks until a descriptor is ready, the time is over or a signal arrives; allocates nothing.
  ///
  /// - Parameters:
  ///   - timeoutMilliseconds: -1 waits for ever, 0 only looks.
  ///   - buffer: Receives the tokens of the descriptors that are ready.
  /// - Returns: The number of tokens in the buffer: 0 after a timeout and after a signal.
  @discardableResult
  public func wait(timeoutMilliseconds: Int32, into buffer: inout EventBuffer) throws(Errno) -> Int {
    let result = buffer.fill(from: descriptor.rawValue, timeoutMilliseconds: timeoutMilliseconds)
    if result == -Errno.interrupted.rawValue { return 0 }
    return Int(try check(result))
  }
}

/// What a descriptor is watched for (`epoll(7)`); errors and a peer's end are always reported.
public struct DescriptorInterest: OptionSet, Hashable, Sendable {
  /// Bits of `epoll_event.events`.
  public let rawValue: UInt32
  /// Wraps `rawValue`.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// There is something to read, or the peer is gone.
  public static let readable = DescriptorInterest(rawValue: linux_epoll_in())
  /// There is room to write.
  public static let writable = DescriptorInterest(rawValue: linux_epoll_out())
}
