import VextProtocol

/// The regions of guest RAM that a vhost driver may access, with their addresses in this process (VHOST_SET_MEM_TABLE).
struct VhostMemoryTable: Equatable, Sendable {
  /// A run of RAM.
  struct Region: Equatable, Sendable {
    let start: GuestAddress
    let byteCount: UInt64
    let host: HostAddress
  }

  /// All of the guest's RAM.
  let regions: [Region]

  /// No memory: no ring lies in it.
  static let empty = VhostMemoryTable(regions: [])

  private init(regions: [Region]) { self.regions = regions }

  /// The table of `memory`, which must live as long as the driver uses the table.
  init(_ memory: GuestMemory) {
    regions = memory.map.regions.map { Region(start: $0.start, byteCount: $0.byteCount, host: $0.host) }
  }

  /// The addresses of a ring; nil unless each of its areas is aligned and lies wholly in one region.
  ///
  /// The driver trusts the addresses of VHOST_SET_VRING_ADDR, which are this process's: an address that the guest chose must not
  /// reach it before this check.
  func address(of layout: VirtqueueLayout) -> VhostRingAddress? {
    guard layout.size.nonzeroBitCount == 1,
      let descriptorTable = host(layout.descriptorTable, layout.descriptorTableByteCount, alignment: 16),
      let availableRing = host(layout.availableRing, layout.availableRingByteCount, alignment: 2),
      let usedRing = host(layout.usedRing, layout.usedRingByteCount, alignment: 4)
    else { return nil }
    return VhostRingAddress(
      descriptorTable: descriptorTable, availableRing: availableRing, usedRing: usedRing)
  }

  private func host(_ address: GuestAddress, _ byteCount: UInt64, alignment: UInt64) -> HostAddress? {
    guard address.isAligned(to: alignment) else { return nil }
    for region in regions {
      let offset = address.rawValue &- region.start.rawValue
      guard offset < region.byteCount, byteCount <= region.byteCount - offset else { continue }
      return HostAddress(region.host.rawValue + offset)
    }
    return nil
  }
}
