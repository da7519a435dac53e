import CLinux
import HostSystem
public import VextProtocol

/// The map of guest-physical RAM, which translates a guest-physical run, with its length, into host memory.
///
/// A small value that hot loops copy to a local. Its regions belong to a ``GuestMemory``, which the holder of a copy must
/// keep alive.
@safe
public struct GuestMemoryMap: @unchecked Sendable {
  // SAFETY: ``GuestMemory`` makes it of regions that are mapped as long as that object lives; each access below goes through
  // `hostPointer`, which checks the whole run.

  /// A run of RAM.
  @safe @usableFromInline
  struct Region {
    // SAFETY: `byteCount` bytes are mapped at `host`, as the initializer's caller promises; the map's accesses check runs against them.
    @usableFromInline let start: UInt64
    @usableFromInline let byteCount: UInt64
    @usableFromInline let host: UnsafeMutableRawPointer?

    init(start: UInt64, byteCount: UInt64, host: UnsafeMutableRawPointer?) {
      self.start = start
      self.byteCount = byteCount
      unsafe self.host = unsafe host
    }

    /// The region at its offset behind `base`.
    init(_ region: GuestMemoryRegion, base: UnsafeMutableRawPointer) {
      unsafe self.init(
        start: region.address.rawValue, byteCount: region.byteCount, host: base + Int(region.fileOffset))
    }
  }

  /// RAM below the PCI hole; never empty.
  @usableFromInline let low: Region
  /// RAM above 4 GiB; empty in a small guest.
  @usableFromInline let high: Region

  /// Further regions, of VMMs that split RAM in more than two.
  @usableFromInline let others: UnsafeMutablePointer<Region>?
  @usableFromInline let otherCount: Int

  /// Maps disjoint regions, each of which lies within `mapping` by its offset.
  ///
  /// - Parameter others: the regions behind the first two; the ``GuestMemory`` keeps the table as long as the map.
  /// - Returns: nil if a region lies outside, or there is none.
  init?(
    _ regions: [GuestMemoryRegion], in mapping: borrowing Mapping, others: GuestMemoryRegionTable? = nil
  ) {
    guard let first = regions.first, max(2, regions.count) - 2 == others?.count ?? 0 else { return nil }
    for region in regions {
      let (end, overflow) = region.fileOffset.addingReportingOverflow(region.byteCount)
      guard !overflow, end <= UInt64(mapping.byteCount) else { return nil }
    }
    low = unsafe Region(first, base: mapping.base)
    high =
      regions.count > 1
      ? unsafe Region(regions[1], base: mapping.base) : unsafe Region(start: 0, byteCount: 0, host: nil)
    unsafe self.others = unsafe others?.regions
    otherCount = others?.count ?? 0
    for index in 0..<otherCount {
      unsafe others?.regions[index] = unsafe Region(regions[index + 2], base: mapping.base)
    }
  }

  /// ``hostPointer(_:byteCount:)`` of the regions behind the first two. Static, because the map of a method that is not inlined
  /// would be copied to the stack for each translation.
  @usableFromInline @inline(never)
  static func hostPointer(
    in regions: UnsafeMutablePointer<Region>?, count: Int, _ address: GuestAddress, byteCount: UInt64
  ) -> UnsafeMutableRawPointer? {
    for index in 0..<count {
      guard let region = unsafe regions?[index] else { return nil }
      let offset = address.rawValue &- region.start
      if offset <= region.byteCount, byteCount <= region.byteCount &- offset {
        return unsafe region.host.map { unsafe $0 + Int(truncatingIfNeeded: offset) }
      }
    }
    return nil
  }

  /// All regions, empty ones among them.
  private var allRegions: [Region] {
    [low, high] + (0..<otherCount).compactMap { index in unsafe others?[index] }
  }

  /// The host address of the run of `byteCount` bytes at `address`; nil unless the run lies wholly in one region. Any
  /// thread.
  ///
  /// A run of zero bytes lies in a region if its address does, or is the region's end.
  @inlinable @inline(__always)
  public func hostPointer(_ address: GuestAddress, byteCount: UInt64) -> UnsafeMutableRawPointer? {
    // SAFETY: offset + byteCount <= region's byteCount is established without overflow before the addition.
    let lowOffset = address.rawValue &- low.start
    if lowOffset <= low.byteCount, byteCount <= low.byteCount &- lowOffset {
      return unsafe low.host.map { unsafe $0 + Int(truncatingIfNeeded: lowOffset) }
    }
    let highOffset = address.rawValue &- high.start
    if highOffset <= high.byteCount, byteCount <= high.byteCount &- highOffset {
      return unsafe high.host.map { unsafe $0 + Int(truncatingIfNeeded: highOffset) }
    }
    return otherCount == 0
      ? nil : unsafe Self.hostPointer(in: others, count: otherCount, address, byteCount: byteCount)
  }

  // MARK: Access

  /// Whether the run of `byteCount` bytes at `address` lies wholly in one region.
  @inline(__always)
  func contains(_ address: GuestAddress, byteCount: UInt64) -> Bool {
    unsafe hostPointer(address, byteCount: byteCount) != nil
  }

  /// The run of `byteCount` bytes at `address` for system calls; nil unless it lies wholly in one region.
  @inline(__always)
  func vector(_ address: GuestAddress, byteCount: UInt64) -> IOVector? {
    guard let host = unsafe hostPointer(address, byteCount: byteCount) else { return nil }
    return unsafe IOVector(base: host, byteCount: Int(truncatingIfNeeded: byteCount))
  }

  /// The non-empty regions, with their addresses in this process.
  var regions: [(start: GuestAddress, byteCount: UInt64, host: HostAddress)] {
    allRegions.compactMap { region in
      guard let host = unsafe region.host, region.byteCount > 0 else { return nil }
      return (GuestAddress(region.start), region.byteCount, HostAddress(UInt64(UInt(bitPattern: host))))
    }
  }

  /// The offset in `mapping`, which has the regions, of the run at `address`; nil unless the run lies wholly in one region.
  func offset(of address: GuestAddress, byteCount: UInt64, in mapping: borrowing Mapping) -> Int? {
    unsafe hostPointer(address, byteCount: byteCount).map { unsafe $0 - mapping.base }
  }

  /// Copies an integer out: little-endian, at any alignment; nil for a place outside RAM.
  func load<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at address: GuestAddress)
    -> Value?
  {
    let source = unsafe hostPointer(address, byteCount: UInt64(MemoryLayout<Value>.size))
    return unsafe source.map { unsafe Value(littleEndian: $0.loadUnaligned(as: Value.self)) }
  }

  /// Copies an integer in: little-endian, at any alignment.
  ///
  /// - Returns: false for a place outside RAM.
  func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at address: GuestAddress) -> Bool {
    guard let target = unsafe hostPointer(address, byteCount: UInt64(MemoryLayout<Value>.size)) else {
      return false
    }
    unsafe target.storeBytes(of: value.littleEndian, as: Value.self)
    return true
  }

  /// Copies `bytes` to the run at `address`.
  ///
  /// - Returns: false for a run that is not wholly RAM.
  func write(_ bytes: some Collection<UInt8>, at address: GuestAddress) -> Bool {
    let count = bytes.count
    guard let target = unsafe hostPointer(address, byteCount: UInt64(count)) else { return false }
    unsafe UnsafeMutableRawBufferPointer(start: target, count: count).copyBytes(from: bytes)
    return true
  }

  /// Copies the words of the run at `address` to the table from its start on, each with one read.
  ///
  /// - Returns: false for a run that is not 8-byte aligned, not wholly RAM or longer than the table.
  func copyWords(at address: GuestAddress, count: Int, to table: borrowing FixedTable<UInt64>) -> Bool {
    guard count >= 0, count <= table.count, address.isAligned(to: 8),
      let base = unsafe hostPointer(address, byteCount: UInt64(count) &* 8)
    else { return false }
    let words = unsafe VextSharedWords(base: base)
    for index in 0..<count { table[index] = unsafe words.load(index) }
    return true
  }
}

/// The regions of a guest's RAM behind the first two, for VMMs that split it. A ``GuestMemoryMap`` fills it in once.
@safe
final class GuestMemoryRegionTable: @unchecked Sendable {
  // SAFETY: `count` regions are initialized at `regions` from here to the end.
  fileprivate let regions: UnsafeMutablePointer<GuestMemoryMap.Region>
  let count: Int

  /// A table of `count` empty regions.
  init(count: Int) {
    self.count = count
    unsafe regions = .allocate(capacity: max(1, count))
    unsafe regions.initialize(
      repeating: GuestMemoryMap.Region(start: 0, byteCount: 0, host: nil), count: count)
  }

  deinit { unsafe regions.deallocate() }
}

/// Words that host and guest access at the same time.
extension GuestMemory {
  /// Returns the `wordCount` 64-bit words at `address`, 8-byte aligned, for atomic access while the guest runs.
  ///
  /// The caller keeps this object alive while it uses them.
  public func sharedWords(at address: GuestAddress, wordCount: Int) throws(GuestMemoryError)
    -> VextSharedWords
  {
    guard let count = UInt64(exactly: wordCount), count < 1 << 40, address.isAligned(to: 8) else {
      throw .outsideMemory(address, byteCount: 0)
    }
    guard let base = unsafe map.hostPointer(address, byteCount: count * 8) else {
      throw .outsideMemory(address, byteCount: count * 8)
    }
    return unsafe VextSharedWords(base: base)
  }
}
