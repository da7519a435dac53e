/// A run of guest memory: 16 bytes, little-endian (docs/vext-protocol.md §4.4).
///
/// ```
///  0        8       12       16
///  | address | length | zero  |
/// ```
@frozen
public struct VextSegment: BitwiseCopyable, Sendable {
  /// The start of the run.
  public var address: GuestAddress
  /// Length of the run in bytes; a segment of zero bytes is unused.
  public var byteCount: UInt32
  /// Zero; the device refuses any other value.
  public var reserved: UInt32

  /// Makes a segment; without arguments, an unused one.
  @inlinable @inline(__always)
  public init(address: GuestAddress = GuestAddress(0), byteCount: UInt32 = 0) {
    self.address = address
    self.byteCount = byteCount
    self.reserved = 0
  }

  /// Size of a segment in an entry or a segment list, in bytes.
  public static var encodedByteCount: Int { 16 }
}
