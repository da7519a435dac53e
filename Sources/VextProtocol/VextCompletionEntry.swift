/// A completion as the device writes it: 16 bytes, little-endian (docs/vext-protocol.md §4.5).
///
/// ```
///   0            8        10    12     16
///   | byte count | status |  id |  lap |
/// ```
///
/// The last eight bytes are stored last, in one release store.
@frozen
public struct VextCompletionEntry: BitwiseCopyable, Sendable {
  /// Number of bytes moved; less than requested only if `status` is not zero.
  public var byteCount: UInt64
  /// Zero, or the error as a positive Linux errno.
  public var status: UInt16
  /// The id of the completed submission entry.
  public var id: UInt16
  /// The number of the device's lap around the completion ring, from 1.
  public var lap: UInt32

  /// Makes a completion without a lap, which ``VextCompletionProducer/push(_:)`` sets.
  @inlinable @inline(__always)
  public init(id: UInt16, status: UInt16, byteCount: UInt64) {
    self.byteCount = byteCount
    self.status = status
    self.id = id
    self.lap = 0
  }

  /// Size of an entry in the ring, in bytes.
  public static var encodedByteCount: Int { 16 }
}
