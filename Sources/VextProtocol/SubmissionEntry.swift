/// One request as the guest writes it: 64 bytes, one cache line, little-endian (docs/vext-protocol.md §4.1).
///
/// ```
///   0    1       2      4      8        16       24         40         56      64
///   | op | flags |  id  |  lap | offset | length | segment0 | segment1 | zero  |
/// ```
///
/// The first eight bytes are stored last, in one release store, so that the lap announces and delivers the
/// entry with one transfer of its cache line.
@frozen
public struct SubmissionEntry: BitwiseCopyable, Sendable {
  /// An ``VextOperation``'s raw value; kept raw because a guest may write anything.
  public var operation: UInt8
  /// What kind of entry this is.
  public var flags: SubmissionFlags
  /// The driver's name for the request, less than the queue's depth and not in flight.
  public var id: UInt16
  /// How many times the producer has gone round the ring, from 1: see ``SubmissionProducer``.
  public var lap: UInt32
  /// Where on the disk, in bytes; a multiple of the device's block size.
  public var offset: UInt64
  /// Bytes to discard or to zero; zero in every other operation.
  public var length: UInt64
  /// The first run of data, or of the segment list.
  public var segment0: VextSegment
  /// The second run of data, unused where its length is zero.
  public var segment1: VextSegment
  /// Zero; anything else is refused.
  public var reserved: UInt64

  /// An entry that still lacks its lap, which ``SubmissionProducer/push(_:)`` gives it.
  @inlinable @inline(__always)
  public init(
    operation: UInt8, flags: SubmissionFlags = [], id: UInt16, offset: UInt64 = 0, length: UInt64 = 0,
    segment0: VextSegment = VextSegment(), segment1: VextSegment = VextSegment()
  ) {
    self.operation = operation
    self.flags = flags
    self.id = id
    self.lap = 0
    self.offset = offset
    self.length = length
    self.segment0 = segment0
    self.segment1 = segment1
    self.reserved = 0
  }

  /// Bytes that one entry takes in the ring.
  public static var encodedByteCount: Int { 64 }
}
