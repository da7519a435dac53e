/// What the blocks of a workload's disk are for, and hashes of them: two states whose structures hash alike are alike to
/// e2fsck.
struct CrashBlocks {
  enum Use {
    /// No write of the record has other than data of files for it.
    case data
    /// A replay that is over leaves nothing to see here.
    case journal
    case journalSuperblock
    case structure
  }

  /// The hash of the structures and that of the data.
  struct Digest: Hashable {
    var structures: UInt64 = 0
    var data: UInt64 = 0
  }

  let blockByteCount: Int
  let uses: [Use]
  /// Blocks that are not zero in each state.
  let live: [Int]

  init(_ workload: CrashWorkload) {
    let size = workload.kind.blockByteCount
    let count = workload.base.byteCount / size
    blockByteCount = size
    var isLive = [Bool](repeating: false, count: count)
    var holdsData = isLive
    var holdsStructure = isLive
    func note(_ block: Int, _ bytes: ArraySlice<UInt8>) {
      guard bytes.contains(where: { $0 != 0 }) else { return }
      isLive[block] = true
      if CrashPattern.isIn(bytes) { holdsData[block] = true } else { holdsStructure[block] = true }
    }
    for block in 0..<count { note(block, workload.base.bytes(block * size, size)[...]) }
    for case .write(let offset, let bytes) in workload.events {
      var done = 0
      while done < bytes.count {
        let block = (offset + done) / size
        let end = min(bytes.count, (block + 1) * size - offset)
        note(block, bytes[done..<end])
        done = end
      }
    }
    var uses = (0..<count).map { holdsData[$0] && !holdsStructure[$0] ? Use.data : .structure }
    for block in workload.journalBlocks { uses[block] = .journal }
    if let first = workload.journalBlocks.first { uses[first] = .journalSuperblock }
    self.uses = uses
    live = (0..<count).filter { isLive[$0] }
  }

  /// The part of a block in the digest of its disk.
  func digest(of block: Int, in memory: CrashMemory) -> Digest {
    let offset = block * blockByteCount
    let seed = UInt64(block + 1) &* 0xD6E8_FEB8_6659_FD93
    switch uses[block] {
    case .journal: return Digest()
    case .data: return Digest(data: memory.hash(offset, blockByteCount, seed: seed))
    case .journalSuperblock:
      // All but s_sequence, s_checksum and what is behind it (jbd2's struct journal_superblock_s).
      let words = [0, 4, 12, 16, 20, 28, 32, 36, 40, 44].map { UInt64(memory.word(at: offset + $0)) }
      return Digest(structures: words.reduce(seed, CrashMemory.mix))
    case .structure:
      guard offset <= 1024, offset + blockByteCount > 1024 else {
        return Digest(structures: memory.hash(offset, blockByteCount, seed: seed))
      }
      // Times, the number of mounts and the checksum differ without a meaning (ext4's struct ext4_super_block).
      let copy = CrashMemory(memory.bytes(offset, blockByteCount))
      let superblock = 1024 - offset
      for field in [0x2C, 0x30, 0x34, 0x178, 0x17C, 0x3FC] {
        // s_mnt_count is the low half of its word.
        let kept = field == 0x34 ? copy.word(at: superblock + field) & 0xFFFF_0000 : 0
        copy.setWord(kept, at: superblock + field)
      }
      return Digest(structures: copy.hash(0, blockByteCount, seed: seed))
    }
  }
}
