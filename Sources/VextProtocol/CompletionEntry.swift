/// One answer as the device writes it: 16 bytes, little-endian (docs/vext-protocol.md §4.5).
///
/// ```
///   0            8        10    12     16
///   | byte count | status |  id |  lap |
/// ```
///
/// The last eight bytes are stored last, in one release store.
@frozen
public struct CompletionEntry: BitwiseCopyable, Sendable {
  /// Bytes moved: less than asked for only where `status` is not zero.
  public var byteCount: UInt64
  /// Zero, or the error as a positive Linux errno.
  public var status: UInt16
  /// The id of the submission entry that this answers.
  public var id: UInt16
  /// How many times the device has gone round the completion ring, from 1.
  public var lap: UInt32

  /// An answer that still lacks its lap, which ``CompletionProducer/push(_:)`` gives it.
  @inlinable @inline(__always)
  public init(id: UInt16, status: UInt16, byteCount: UInt64) {
    self.byteCount = byteCount
    self.status = status
    self.id = id
    self.lap = 0
  }

  /// Bytes that one entry takes in the ring.
  public static var encodedByteCount: Int { 16 }
}
