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
public struct VextSubmissionEntry: BitwiseCopyable, Sendable {
  /// The raw value of a ``VextOperation``, unchecked because a guest may write anything.
  public var operation: UInt8
  /// The entry's flags.
  public var flags: VextSubmissionFlags
  /// The driver's name for the request, less than the queue's depth and not in flight.
  public var id: UInt16
  /// The number of the producer's lap around the ring, from 1: see ``VextSubmissionProducer``.
  public var lap: UInt32
  /// The position on the disk in bytes, a multiple of the device's block size.
  public var offset: UInt64
  /// Number of bytes to discard or to zero; zero in every other operation.
  public var length: UInt64
  /// The first run of data, or of the segment list.
  public var segment0: VextSegment
  /// The second run of data; unused if its length is zero.
  public var segment1: VextSegment
  /// Zero; the device refuses any other value.
  public var reserved: UInt64

  /// Makes an entry without a lap, which ``VextSubmissionProducer/push(_:)`` sets.
  @inlinable @inline(__always)
  public init(
    operation: UInt8, flags: VextSubmissionFlags = [], id: UInt16, offset: UInt64 = 0, length: UInt64 = 0,
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

  /// Size of an entry in the ring, in bytes.
  public static var encodedByteCount: Int { 64 }
}
