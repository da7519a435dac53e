/// A run of guest memory: 16 bytes, little-endian (docs/vext-protocol.md §4.4).
///
/// ```
///  0        8       12       16
///  | address | length | zero  |
/// ```
@frozen
public struct VextSegment: BitwiseCopyable, Sendable {
  /// Where the run starts.
  public var address: GuestAddress
  /// How many bytes it has; a segment of zero bytes is unused.
  public var byteCount: UInt32
  /// Zero; anything else is refused.
  public var reserved: UInt32

  /// A segment; unused unless told otherwise.
  @inlinable @inline(__always)
  public init(address: GuestAddress = GuestAddress(0), byteCount: UInt32 = 0) {
    self.address = address
    self.byteCount = byteCount
    self.reserved = 0
  }

  /// Bytes that one segment takes in an entry and in a segment list.
  public static var encodedByteCount: Int { 16 }
}
