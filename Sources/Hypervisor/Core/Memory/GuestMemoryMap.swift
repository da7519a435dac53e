public import VextProtocol

/// The map of guest-physical RAM, which translates a guest-physical run, with its length, into host memory.
///
/// A small value that hot loops copy to a local. Its regions belong to a ``GuestMemory``, which the holder of a copy must
/// keep alive.
@safe
public struct GuestMemoryMap: @unchecked Sendable {
  // SAFETY: ``GuestMemory`` makes it of regions that are mapped as long as that object lives.

  /// A run of RAM.
  @safe @usableFromInline
  struct Region {
    @usableFromInline let start: UInt64
    @usableFromInline let byteCount: UInt64
    @usableFromInline let host: UnsafeMutableRawPointer?
  }

  /// RAM below the PCI hole; never empty.
  @usableFromInline let low: Region
  /// RAM above 4 GiB; empty in a small guest.
  @usableFromInline let high: Region

  /// Further regions, of VMMs that split RAM in more than two.
  private let others: UnsafeMutablePointer<Region>?
  @usableFromInline let otherCount: Int

  /// - Parameter others: belongs to the ``GuestMemory``, as the regions do.
  init(low: Region, high: Region, others: GuestMemoryRegionTable? = nil) {
    self.low = low
    self.high = high
    unsafe self.others = unsafe others?.regions
    otherCount = others?.count ?? 0
  }

  /// All regions, empty ones among them.
  var regions: [Region] {
    [low, high] + (0..<otherCount).compactMap { index in unsafe others?[index] }
  }

  /// ``hostPointer(_:byteCount:)`` of the regions behind the first two.
  @usableFromInline @inline(never)
  func otherHostPointer(_ address: GuestAddress, byteCount: UInt64) -> UnsafeMutableRawPointer? {
    for region in regions[2...] {
      let offset = address.rawValue &- region.start
      if offset <= region.byteCount, byteCount <= region.byteCount &- offset {
        return unsafe region.host.map { unsafe $0 + Int(truncatingIfNeeded: offset) }
      }
    }
    return nil
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
    return otherCount == 0 ? nil : unsafe otherHostPointer(address, byteCount: byteCount)
  }
}
