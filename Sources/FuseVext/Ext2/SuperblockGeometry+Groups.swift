import SystemPackage

extension SuperblockGeometry {
  /// Checks that every group's bitmaps and inode table lie within the file system.
  ///
  /// libext2fs reads all descriptors into memory at once, so this comes first: a large and empty device has none, and is
  /// refused at its first group.
  func checkGroups(_ cache: MetadataCache) throws(Errno) {
    let perBlock = blockByteCount / descriptorByteCount
    for index in 0..<descriptorBlockCount {
      let block = descriptorBlock(index)
      guard block < blockCount else { throw .corrupted }
      let bytes = try cache.read(byteOffset: block * blockByteCount, byteCount: Int(blockByteCount))
      let count = min(perBlock, groupCount - index * perBlock)
      for position in 0..<count where !isSound(bytes, at: Int(position * descriptorByteCount)) {
        throw .corrupted
      }
    }
  }

  /// ext4's `struct ext4_group_desc`: the places of two bitmaps and of the inode table, whose high halves are in the second
  /// 32 bytes.
  private func isSound(_ bytes: [UInt8], at offset: Int) -> Bool {
    func word(_ at: Int) -> UInt64 {
      (0..<4).reduce(0) { $0 | UInt64(bytes[offset + at + $1]) << UInt64(8 * $1) }
    }
    func place(_ at: Int) -> UInt64 {
      descriptorByteCount >= 64 ? word(at) | word(at + 0x20) << 32 : word(at)
    }
    func fits(_ block: UInt64, _ count: UInt64) -> Bool {
      block > firstDataBlock && block < blockCount && count <= blockCount - block
    }
    return fits(place(0), 1) && fits(place(4), 1) && fits(place(8), inodeTableBlockCount)
  }
}
