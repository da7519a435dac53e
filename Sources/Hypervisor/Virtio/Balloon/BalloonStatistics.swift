/// How a guest uses its memory, as its balloon driver tells (virtio 1.2 §5.5.6.3). What a driver leaves out is nil.
///
/// The figures are the guest's own and prove nothing.
public struct BalloonStatistics: Equatable, Sendable {
  /// Bytes swapped in since the guest started.
  public var swappedInByteCount: UInt64?
  /// Bytes swapped out since the guest started.
  public var swappedOutByteCount: UInt64?
  /// Page faults that needed the disk.
  public var majorFaultCount: UInt64?
  /// Page faults that did not.
  public var minorFaultCount: UInt64?
  /// Bytes that are used for nothing.
  public var freeByteCount: UInt64?
  /// Bytes that the guest has, without those in the balloon.
  public var totalByteCount: UInt64?
  /// Bytes that new programs could have without swapping.
  public var availableByteCount: UInt64?
  /// Bytes of files that are cached.
  public var cachedByteCount: UInt64?
  /// Huge pages that hugetlbfs allocated.
  public var hugePageAllocationCount: UInt64?
  /// Huge pages that hugetlbfs could not allocate.
  public var hugePageFailureCount: UInt64?

  /// Nothing is known.
  public init() {}

  /// Bytes of an entry: a 16-bit tag, then a 64-bit value, packed.
  static let entryByteCount = 10

  /// What a buffer of the driver's says; the last of two entries for the same figure counts, unknown tags do not.
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
