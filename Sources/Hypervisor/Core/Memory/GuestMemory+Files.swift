import HostSystem
import SystemPackage
import VextProtocol

/// RAM of a guest of another VMM, in several files.
extension GuestMemory {
  /// The largest number of regions in several files.
  static let fileRegionLimit = 8

  /// Maps regions of files that another process made; `next` returns the file of each region in turn.
  ///
  /// - Throws: EINVAL where there are no regions or more than ``fileRegionLimit``, where one is empty, not of whole pages, or not
  ///   within its file, or where two overlap; ENOMEM for more than ``sharedByteLimit``; what mmap(2) says.
  convenience init(
    regions: [GuestMemoryRegion], next: () throws(Errno) -> SharedMemoryFile
  ) throws(Errno) {
    guard (1...Self.fileRegionLimit).contains(regions.count) else { throw .invalidArgument }
    var byteCount: UInt64 = 0
    for region in regions {
      guard region.byteCount <= Self.sharedByteLimit - byteCount else { throw .noMemory }
      byteCount += region.byteCount
    }
    guard byteCount > 0, Self.areApart(regions) else { throw .invalidArgument }
    let mapping = try Mapping.anonymous(byteCount: Int(byteCount))
    var parts: [GuestMemoryRegion] = []
    var offset = 0
    for region in regions {
      let file = try next()
      guard region.isWhole(inFileOf: file.byteCount) else { throw .invalidArgument }
      try mapping.overlayShared(
        descriptor: file.descriptor, fileOffset: Int64(region.fileOffset), at: offset,
        byteCount: Int(region.byteCount))
      parts.append(
        GuestMemoryRegion(
          address: region.address, byteCount: region.byteCount, fileOffset: UInt64(offset)))
      offset += Int(region.byteCount)
    }
    try mapping.leaveOutOfDumps()
    let table = parts.count > 2 ? GuestMemoryRegionTable(count: parts.count - 2) : nil
    guard let map = GuestMemoryMap(parts, in: mapping, others: table) else { throw .invalidArgument }
    self.init(mapping, map: map, byteCount: byteCount, file: nil, takesFilePages: false, others: table)
  }

  /// Whether no two regions share a guest-physical address. Never traps.
  private static func areApart(_ regions: [GuestMemoryRegion]) -> Bool {
    let sorted = regions.sorted { $0.address.rawValue < $1.address.rawValue }
    return zip(sorted, sorted.dropFirst()).allSatisfy {
      $1.address.rawValue - $0.address.rawValue >= $0.byteCount
    }
  }
}
