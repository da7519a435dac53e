/// The memory usage that a guest's balloon driver reports (virtio 1.2 §5.5.6.3). A value that the driver omits is nil.
///
/// The values are the guest's own claims.
public struct BalloonStatistics: Equatable, Sendable {
  /// Bytes swapped in since the guest started.
  public var swappedInByteCount: UInt64?
  /// Bytes swapped out since the guest started.
  public var swappedOutByteCount: UInt64?
  /// Number of page faults that needed the disk.
  public var majorFaultCount: UInt64?
  /// Number of page faults that did not need the disk.
  public var minorFaultCount: UInt64?
  /// Number of unused bytes.
  public var freeByteCount: UInt64?
  /// Number of the guest's bytes, without those in the balloon.
  public var totalByteCount: UInt64?
  /// Number of bytes that new programs could use without swapping.
  public var availableByteCount: UInt64?
  /// Number of bytes of cached files.
  public var cachedByteCount: UInt64?
  /// Huge pages that hugetlbfs allocated.
  public var hugePageAllocationCount: UInt64?
  /// Huge pages that hugetlbfs could not allocate.
  public var hugePageFailureCount: UInt64?

  /// Makes statistics without values.
  public init() {}

  /// Size of an entry in bytes: a 16-bit tag, then a 64-bit value, packed.
  static let entryByteCount = 10

  /// Decodes a buffer of the driver; the last of two entries with the same tag counts, unknown tags are ignored.
  init(_ bytes: [UInt8]) {
    for start in stride(from: 0, through: bytes.count - Self.entryByteCount, by: Self.entryByteCount) {
      let tag = UInt16(bytes[start]) | UInt16(bytes[start + 1]) << 8
      let value = (0..<8).reduce(0 as UInt64) { $0 | UInt64(bytes[start + 2 + $1]) << UInt64($1 * 8) }
      if let field = Self.fields[tag] { self[keyPath: field] = value }
    }
  }

  /// By VIRTIO_BALLOON_S_ tag.
  private static var fields: [UInt16: WritableKeyPath<BalloonStatistics, UInt64?>] {
    [
      0: \.swappedInByteCount, 1: \.swappedOutByteCount, 2: \.majorFaultCount, 3: \.minorFaultCount,
      4: \.freeByteCount, 5: \.totalByteCount, 6: \.availableByteCount, 7: \.cachedByteCount,
      8: \.hugePageAllocationCount, 9: \.hugePageFailureCount,
    ]
  }
}
