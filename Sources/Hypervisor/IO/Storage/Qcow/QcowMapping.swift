/// Where the contents of a cluster of the disk are, as an entry of a level 2 table says.
enum QcowMapping: Equatable {
  /// In the backing file; zeroes if there is none.
  case unallocated
  /// Zeroes; `host` is a cluster of the file that is kept for it.
  case zero(host: UInt64?)
  /// In the cluster at `host`, which may be overwritten if it `isOwned`: nothing else refers to it.
  case data(host: UInt64, isOwned: Bool)
  /// Compressed, in `byteCount` bytes from `offset` on.
  case compressed(offset: UInt64, byteCount: Int)

  /// Bit 63: the refcount is exactly 1.
  static let ownedFlag: UInt64 = 1 << 63
  private static let compressedFlag: UInt64 = 1 << 62
  /// Bit 0, version 3: reads as zero.
  static let zeroFlag: UInt64 = 1
  /// Bits 9 to 55: a place in the file.
  static let offsetMask: UInt64 = 0x00FF_FFFF_FFFF_FE00

  /// Decodes an entry; does not check that the place lies in the file.
  init(_ entry: UInt64, _ header: QcowHeader) throws(QcowError) {
    self = header.version == 1 ? Self.decodeVersion1(entry, header) : try Self.decode(entry, header)
    if case .data(let host, _) = self { try Self.checkAlignment(host, header) }
    if case .zero(let host?) = self { try Self.checkAlignment(host, header) }
  }

  private static func decode(_ entry: UInt64, _ header: QcowHeader) throws(QcowError) -> QcowMapping {
    if entry & compressedFlag != 0 {
      // The number of additional sectors of 512 bytes is above the offset.
      let shift = UInt64(62 - (header.clusterBits - 8))
      let offset = entry & (1 << shift - 1)
      let sectorCount = (entry & (compressedFlag - 1)) >> shift + 1
      return .compressed(offset: offset, byteCount: Int(sectorCount * 512 - offset & 511))
    }
    let host = entry & offsetMask
    guard entry & ~(offsetMask | ownedFlag | zeroFlag) == 0, header.version > 2 || entry & zeroFlag == 0
    else {
      throw .damaged("a level 2 entry has reserved bits")
    }
    if entry & zeroFlag != 0 { return .zero(host: host == 0 ? nil : host) }
    guard host != 0 else {
      guard entry == 0 else { throw .damaged("a level 2 entry has a flag and no cluster") }
      return .unallocated
    }
    return .data(host: host, isOwned: entry & ownedFlag != 0)
  }

  private static func decodeVersion1(_ entry: UInt64, _ header: QcowHeader) -> QcowMapping {
    if entry == 0 { return .unallocated }
    guard entry & ownedFlag != 0 else { return .data(host: entry, isOwned: true) }
    let shift = UInt64(63 - header.clusterBits)
    let byteCount = (entry & ~ownedFlag) >> shift
    return .compressed(offset: entry & (1 << shift - 1), byteCount: Int(byteCount))
  }

  private static func checkAlignment(_ host: UInt64, _ header: QcowHeader) throws(QcowError) {
    guard host & (header.clusterByteCount - 1) == 0 else { throw .damaged("a cluster is not aligned") }
  }
}
