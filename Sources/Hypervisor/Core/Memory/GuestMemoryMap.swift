public import VextProtocol

/// The guest-physical map of RAM: what translates a guest-physical run into host memory, with its length.
///
/// A small value that hot loops copy to a local. The regions it names belong to a ``GuestMemory``, which must
/// outlive it; whoever keeps a copy holds on to that object.
@unsafe
public struct GuestMemoryMap: @unchecked Sendable {
  /// A run of RAM.
  @unsafe @usableFromInline
  struct Region {
    @usableFromInline let start: UInt64
    @usableFromInline let byteCount: UInt64
    @usableFromInline let host: UnsafeMutableRawPointer?
  }

  /// RAM below the PCI hole. Always there.
  @usableFromInline let low: Region
  /// RAM above 4 GiB; empty in a small guest.
  @usableFromInline let high: Region

  init(low: Region, high: Region) {
    unsafe self.low = low
    unsafe self.high = high
  }

  /// Where the run of `byteCount` bytes at `address` is in host memory, or nil unless it lies wholly in one region.
  ///
  /// A run of zero bytes is within a region where its address is, or is the region's end. Any thread.
  @inlinable @inline(__always)
  public func hostPointer(_ address: GuestAddress, byteCount: UInt64) -> UnsafeMutableRawPointer? {
    // SAFETY: offset + byteCount <= region's byteCount is established without overflow before the addition.
    let lowOffset = unsafe address.rawValue &- low.start
    if unsafe lowOffset <= low.byteCount, unsafe byteCount <= low.byteCount &- lowOffset {
      return unsafe low.host.map { unsafe $0 + Int(truncatingIfNeeded: lowOffset) }
    }
    let highOffset = unsafe address.rawValue &- high.start
    if unsafe highOffset <= high.byteCount, unsafe byteCount <= high.byteCount &- highOffset {
      return unsafe high.host.map { unsafe $0 + Int(truncatingIfNeeded: highOffset) }
    }
    return nil
  }
}
