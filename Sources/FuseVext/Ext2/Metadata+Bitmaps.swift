import CExt2
import SystemPackage

extension Metadata {
  /// Writes the bitmaps and descriptors of all groups that have changed, as the disk must have them: blocks that are withheld from
  /// the allocator are free there.
  mutating func writeChangedGroups() throws(Errno) {
    let groups = freed.groups
    guard !groups.isEmpty else { return }
    let withheld = withheldBlocks(in: groups.ofBlocks)
    for group in groups.ofBlocks {
      let free = (withheld[group] ?? []) + reserved.ranges(in: blocks(of: group))
      try writeBlockBitmap(of: group, without: free)
    }
    for group in groups.ofInodes { try writeInodeBitmap(of: group) }
    let all = groups.ofBlocks.union(groups.ofInodes)
    for group in all { try library.setDescriptorChecksum(ofGroup: group) }
    let perBlock = UInt32(clamping: max(blockByteCount / descriptorByteCount, 1))
    for index in Set(all.map { $0 / perBlock }) {
      try writeDescriptors(block: index)
    }
    groups.removeAll()
  }

  private var descriptorByteCount: Int {
    hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_64BIT) ? Int(library.superblock.s_desc_size) : 32
  }

  /// The blocks of a group; the last group has fewer.
  private func blocks(of group: UInt32) -> Range<UInt64> {
    let first = library.firstBlock(ofGroup: group)
    return first..<max(first, min(first &+ library.blocksPerGroup, blockCount))
  }

  /// The parts of withheld ranges that lie in each of the groups.
  private func withheldBlocks(in groups: Set<UInt32>) -> [UInt32: [Range<UInt64>]] {
    var result: [UInt32: [Range<UInt64>]] = [:]
    for range in freed.withheld where range.count > 0 {
      let end = range.block + UInt64(range.count)
      var block = range.block
      while block < end {
        let group = library.group(ofBlock: block)
        let groupEnd = blocks(of: group).upperBound
        guard groupEnd > block else { break }
        if groups.contains(group) { result[group, default: []].append(block..<min(end, groupEnd)) }
        block = groupEnd
      }
    }
    return result
  }

  private func writeBlockBitmap(of group: UInt32, without withheld: [Range<UInt64>]) throws(Errno) {
    guard let location = try library.blockBitmapLocation(ofGroup: group) else { return }
    let blocks = blocks(of: group)
    var bytes = try padded(try library.blockBits(blocks), bitCount: blocks.count)
    for range in withheld {
      for bit in range.lowerBound - blocks.lowerBound..<range.upperBound - blocks.lowerBound {
        bytes[Int(bit / 8)] &= ~(1 << UInt8(bit % 8))
      }
    }
    try library.setChecksum(ofBlockBitmap: bytes, ofGroup: group)
    try writeStructure(bytes, at: location)
  }

  private func writeInodeBitmap(of group: UInt32) throws(Errno) {
    guard let location = try library.inodeBitmapLocation(ofGroup: group) else { return }
    let count = library.superblock.s_inodes_per_group
    let (first, overflow) = group.multipliedReportingOverflow(by: count)
    guard !overflow else { throw .corrupted }
    let bits = try library.inodeBits(from: UInt64(first) + 1, count: Int(count))
    let bytes = try padded(bits, bitCount: Int(count))
    try library.setChecksum(ofInodeBitmap: bytes, ofGroup: group)
    try writeStructure(bytes, at: location)
  }

  /// A block of bits, the first `bitCount` of which are those of `bits`; the others are set.
  private func padded(_ bits: [UInt8], bitCount: Int) throws(Errno) -> [UInt8] {
    guard bits.count <= blockByteCount else { throw .corrupted }
    var bytes = bits + [UInt8](repeating: 0, count: blockByteCount - bits.count)
    for bit in bitCount..<blockByteCount * 8 {
      if bit % 8 == 0 {
        for index in bit / 8..<blockByteCount { bytes[index] = 0xFF }
        break
      }
      bytes[bit / 8] |= 1 << UInt8(bit % 8)
    }
    return bytes
  }

  /// Writes one block of group descriptors.
  private func writeDescriptors(block index: UInt32) throws(Errno) {
    let (bytes, block) = try library.descriptors(block: index, blockByteCount: blockByteCount)
    try writeStructure(bytes, at: block)
  }

  private func writeStructure(_ bytes: [UInt8], at block: UInt64) throws(Errno) {
    guard block < blockCount else { throw .corrupted }
    try cache.write(byteOffset: block * UInt64(blockByteCount), bytes: bytes)
  }
}
