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
    var parts: [GuestMemoryMap.Region] = []
    var offset = 0
    for region in regions {
      let file = try next()
      guard region.isWhole(inFileOf: file.byteCount) else { throw .invalidArgument }
      try mapping.overlayShared(
        descriptor: file.descriptor, fileOffset: Int64(region.fileOffset), at: offset,
        byteCount: Int(region.byteCount))
      // SAFETY: the part lies within the mapping, which this object owns as long as the map is in use.
      parts.append(
        unsafe GuestMemoryMap.Region(
          start: region.address.rawValue, byteCount: region.byteCount, host: mapping.base + offset))
      offset += Int(region.byteCount)
    }
    try mapping.leaveOutOfDumps()
    let none = unsafe GuestMemoryMap.Region(start: 0, byteCount: 0, host: nil)
    let table = parts.count > 2 ? GuestMemoryRegionTable(Array(parts[2...])) : nil
    let map = GuestMemoryMap(low: parts[0], high: parts.count > 1 ? parts[1] : none, others: table)
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
