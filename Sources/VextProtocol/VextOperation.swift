/// The operation of a submission entry (docs/vext-protocol.md §4.2).
@frozen
public enum VextOperation: UInt8, Sendable {
  /// Reads `offset ..< offset + sum of the segments` of the disk into the segments.
  case read = 1
  /// Writes the segments to the disk at `offset`.
  case write = 2
  /// Completes when every write and write-zeroes that had completed before this entry was submitted is on stable storage.
  case flush = 3
  /// Discards `offset ..< offset + length`: the contents are no longer needed, and later reads return undefined data.
  case discard = 4
  /// Makes `offset ..< offset + length` read as zeroes.
  case writeZeroes = 5
  /// Writes the disk's 20-byte identity, padded with zero bytes, into the first segment.
  case identify = 6
}

/// Flags of a submission entry (docs/vext-protocol.md §4.3). The device refuses bits without a name.
@frozen
public struct VextSubmissionFlags: OptionSet, BitwiseCopyable, Sendable {
  /// The bits of the entry's field.
  public let rawValue: UInt8

  /// Takes all bits, known or not.
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Segment 0 contains a list of segments instead of data; segment 1 is unused.
  public static var segmentList: VextSubmissionFlags { VextSubmissionFlags(rawValue: 1 << 0) }
}
