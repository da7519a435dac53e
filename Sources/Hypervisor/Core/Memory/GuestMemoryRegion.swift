public import VextProtocol

/// A run of a guest's RAM, and where it is in the file behind it.
public struct GuestMemoryRegion: Equatable, Sendable {
  /// Guest-physical address of its first byte.
  public var address: GuestAddress
  /// Its length.
  public var byteCount: UInt64
  /// Where it begins in the file.
  public var fileOffset: UInt64

  /// A region.
  public init(address: GuestAddress, byteCount: UInt64, fileOffset: UInt64) {
    self.address = address
    self.byteCount = byteCount
    self.fileOffset = fileOffset
  }

  /// Whether it has whole pages, does not reach the end of the address space, and lies within a file of `fileByteCount` bytes.
  func isWhole(inFileOf fileByteCount: UInt64) -> Bool {
    let bits = address.rawValue | byteCount | fileOffset
    return byteCount > 0 && bits.isMultiple(of: GuestMemory.pageByteCount)
      && byteCount <= UInt64.max - address.rawValue
      && fileOffset <= fileByteCount && byteCount <= fileByteCount - fileOffset
  }

  /// Whether no two regions share an address or a byte of the file. Meaningless where one is not
  /// ``isWhole(inFileOf:)``, and never traps.
  static func areDisjoint(_ regions: [GuestMemoryRegion]) -> Bool {
    for (index, region) in regions.enumerated() {
      for other in regions[..<index] {
        let isApart = { (first: UInt64, second: UInt64) in
          first >= second ? first - second >= other.byteCount : second - first >= region.byteCount
        }
        guard isApart(region.address.rawValue, other.address.rawValue),
          isApart(region.fileOffset, other.fileOffset)
        else { return false }
      }
    }
    return true
  }
}
