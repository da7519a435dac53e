/// The regions of a guest's RAM behind the first two, for VMMs that split it. Unchanged as long as it lives.
@safe
final class GuestMemoryRegionTable: @unchecked Sendable {
  // SAFETY: `count` regions are initialized at `regions` from here to the end.
  let regions: UnsafeMutablePointer<GuestMemoryMap.Region>
  let count: Int

  init(_ others: [GuestMemoryMap.Region]) {
    count = others.count
    unsafe regions = .allocate(capacity: max(1, others.count))
    for (index, region) in others.enumerated() { unsafe (regions + index).initialize(to: region) }
  }

  deinit { unsafe regions.deallocate() }
}
