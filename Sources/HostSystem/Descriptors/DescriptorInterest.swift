import CLinux

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
