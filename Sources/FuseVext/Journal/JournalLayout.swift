/// The layout of a journal's blocks, which follows from the block size and the features.
struct JournalLayout {
  let blockByteCount: Int
  /// Whether block numbers have 64 bits.
  let is64Bit: Bool
  let checksumVersion: JournalChecksumVersion
  private let seed: UInt32

  /// The layout of a journal whose superblock's fields were checked.
  init(_ superblock: JournalSuperblock) {
    blockByteCount = Int(superblock.blockByteCount)
    is64Bit = superblock.incompatible.contains(.blockNumbers64Bit)
    checksumVersion = superblock.checksumVersion
    seed = JournalChecksum.seed(uuid: superblock.uuid)
  }

  /// Whether blocks have checksums of their own (versions 2 and 3).
  var hasBlockChecksums: Bool { checksumVersion == .version2 || checksumVersion == .version3 }

  /// The length of a tag (`journal_tag_bytes`).
  var tagByteCount: Int {
    switch checksumVersion {
    case .version3: 16
    case .version2: is64Bit ? 14 : 10
    case .none, .version1: is64Bit ? 12 : 8
    }
  }

  /// The bytes at the end of descriptor and revoke blocks that hold their checksum (`jbd2_journal_block_tail`).
  var tailByteCount: Int { hasBlockChecksums ? 4 : 0 }

  /// The blocks that one descriptor block describes. The first tag is followed by a UUID.
  var tagsPerDescriptor: Int {
    (blockByteCount - JournalFormat.headerByteCount - tailByteCount - Self.uuidByteCount) / tagByteCount
  }

  /// The block numbers that one revoke block has room for.
  var revocationsPerBlock: Int {
    (blockByteCount - Self.revokeHeaderByteCount - tailByteCount) / revocationByteCount
  }

  private var revocationByteCount: Int { is64Bit ? 8 : 4 }
  private static let uuidByteCount = 16
  private static let revokeHeaderByteCount = 16

  // MARK: Descriptor blocks

  /// Returns the tags of a descriptor block. Their number is bounded by the block's length, not by a field of it.
  func tags(inDescriptor block: [UInt8]) -> [JournalTag] {
    var tags: [JournalTag] = []
    var offset = JournalFormat.headerByteCount
    while offset + tagByteCount <= block.count - tailByteCount {
      let tag = tag(in: block, at: offset)
      tags.append(tag)
      offset += tagByteCount
      if !tag.flags.contains(.sameUUID) { offset += Self.uuidByteCount }
      if tag.flags.contains(.last) { break }
    }
    return tags
  }

  /// Returns a descriptor block for at most ``tagsPerDescriptor`` tags, with its checksum. The flags that tell of the
  /// tags' places (`sameUUID`, `last`) are set here.
  func descriptor(sequence: UInt32, tags: ArraySlice<JournalTag>) -> [UInt8] {
    precondition(tags.count <= tagsPerDescriptor, "the tags fit into one descriptor block")
    var block = [UInt8](repeating: 0, count: blockByteCount)
    JournalHeader(type: .descriptor, sequence: sequence).encode(into: &block)
    var offset = JournalFormat.headerByteCount
    for (index, tag) in tags.enumerated() {
      var tag = tag
      tag.flags.subtract([.sameUUID, .last])
      if index > 0 { tag.flags.insert(.sameUUID) }
      if index == tags.count - 1 { tag.flags.insert(.last) }
      encode(tag, into: &block, at: offset)
      offset += tagByteCount
      // The kernel leaves the UUID zero, and no reader uses it.
      if index == 0 { offset += Self.uuidByteCount }
    }
    setTailChecksum(of: &block)
    return block
  }

  private func tag(in block: [UInt8], at offset: Int) -> JournalTag {
    let low = UInt64(block.bigEndian32(at: offset))
    if checksumVersion == .version3 {
      let high = is64Bit ? UInt64(block.bigEndian32(at: offset + 8)) : 0
      return JournalTag(
        block: low | high << 32, flags: JournalTagFlags(rawValue: block.bigEndian32(at: offset + 4)),
        checksum: block.bigEndian32(at: offset + 12))
    }
    let high = is64Bit ? UInt64(block.bigEndian32(at: offset + 8)) : 0
    return JournalTag(
      block: low | high << 32, flags: JournalTagFlags(rawValue: UInt32(block.bigEndian16(at: offset + 6))),
      checksum: UInt32(block.bigEndian16(at: offset + 4)))
  }

  private func encode(_ tag: JournalTag, into block: inout [UInt8], at offset: Int) {
    block.setBigEndian32(UInt32(truncatingIfNeeded: tag.block), at: offset)
    if checksumVersion == .version3 {
      block.setBigEndian32(tag.flags.rawValue, at: offset + 4)
      block.setBigEndian32(tag.checksum, at: offset + 12)
    } else {
      block.setBigEndian16(UInt16(truncatingIfNeeded: tag.checksum), at: offset + 4)
      block.setBigEndian16(UInt16(truncatingIfNeeded: tag.flags.rawValue), at: offset + 6)
    }
    if is64Bit { block.setBigEndian32(UInt32(truncatingIfNeeded: tag.block >> 32), at: offset + 8) }
  }

  // MARK: Revoke blocks

  /// Returns the numbers in a revoke block, or nil if its count is impossible.
  func revocations(in block: [UInt8]) -> [UInt64]? {
    guard block.count >= Self.revokeHeaderByteCount else { return nil }
    // r_count: the bytes in use, this header included.
    let end = block.bigEndian32(at: 12)
    guard end <= UInt32(block.count - tailByteCount) else { return nil }
    var numbers: [UInt64] = []
    var offset = Self.revokeHeaderByteCount
    while offset + revocationByteCount <= Int(end) {
      numbers.append(is64Bit ? block.bigEndian64(at: offset) : UInt64(block.bigEndian32(at: offset)))
      offset += revocationByteCount
    }
    return numbers
  }

  /// Returns a revoke block with at most ``revocationsPerBlock`` numbers, and with its checksum.
  func revokeBlock(sequence: UInt32, _ numbers: ArraySlice<UInt64>) -> [UInt8] {
    precondition(numbers.count <= revocationsPerBlock, "the numbers fit into one revoke block")
    var block = [UInt8](repeating: 0, count: blockByteCount)
    JournalHeader(type: .revoke, sequence: sequence).encode(into: &block)
    var offset = Self.revokeHeaderByteCount
    for number in numbers {
      if is64Bit {
        block.setBigEndian64(number, at: offset)
      } else {
        block.setBigEndian32(UInt32(truncatingIfNeeded: number), at: offset)
      }
      offset += revocationByteCount
    }
    block.setBigEndian32(UInt32(offset), at: 12)
    setTailChecksum(of: &block)
    return block
  }

  // MARK: Commit blocks

  /// Returns a commit block. Its checksum is computed here for versions 2 and 3; for version 1, it is
  /// ``JournalCommit/checksum``.
  func commitBlock(_ commit: JournalCommit) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: blockByteCount)
    commit.encode(into: &block)
    if hasBlockChecksums {
      block.setBigEndian32(
        checksum(of: block, without: JournalCommit.checksumOffset), at: JournalCommit.checksumOffset)
    }
    return block
  }

  // MARK: Checksums

  /// Whether a descriptor or revoke block has the right checksum, or none is in use.
  func hasValidTail(_ block: [UInt8]) -> Bool {
    guard hasBlockChecksums else { return true }
    let offset = block.count - tailByteCount
    return block.bigEndian32(at: offset) == checksum(of: block, without: offset)
  }

  /// Whether a commit block has the right checksum of itself, or none is in use.
  ///
  /// A write that was cut off after the first sector leaves older bytes behind it, which is not an error: all that counts is in
  /// the first sector, and the checksum was made with zeros behind it.
  func hasValidChecksum(commit block: [UInt8]) -> Bool {
    guard hasBlockChecksums else { return true }
    let expected = block.bigEndian32(at: JournalCommit.checksumOffset)
    if expected == checksum(of: block, without: JournalCommit.checksumOffset) { return true }
    var first = block
    for index in JournalCommit.byteCount..<block.count { first[index] = 0 }
    return expected == checksum(of: first, without: JournalCommit.checksumOffset)
  }

  /// The checksum that a tag has for its block, as the block is in the journal (so after escaping); 0 if none is in use.
  func tagChecksum(sequence: UInt32, data: Span<UInt8>) -> UInt32 {
    guard hasBlockChecksums else { return 0 }
    var words = [UInt8](repeating: 0, count: 4)
    words.setBigEndian32(sequence, at: 0)
    let checksum = JournalChecksum.crc32c(JournalChecksum.crc32c(seed, words), data)
    return checksumVersion == .version3 ? checksum : checksum & 0xFFFF
  }

  private func setTailChecksum(of block: inout [UInt8]) {
    guard hasBlockChecksums else { return }
    let offset = block.count - tailByteCount
    block.setBigEndian32(checksum(of: block, without: offset), at: offset)
  }

  /// The checksum of a block with the word at an offset taken for 0.
  private func checksum(of block: [UInt8], without offset: Int) -> UInt32 {
    var copy = block
    copy.setBigEndian32(0, at: offset)
    return JournalChecksum.crc32c(seed, copy)
  }
}

/// The tag of one block in a descriptor block (`journal_block_tag_t`, `journal_block_tag3_t`).
struct JournalTag: Equatable {
  /// The block of the file system that the copy in the journal is of.
  var block: UInt64
  var flags: JournalTagFlags = []
  /// ``JournalLayout/tagChecksum(sequence:data:)``.
  var checksum: UInt32 = 0
}

/// `t_flags`.
struct JournalTagFlags: OptionSet {
  let rawValue: UInt32
  /// The block begins with the journal's magic number, which the copy in the journal has zeros for.
  static let escaped = JournalTagFlags(rawValue: 0x1)
  /// No UUID follows the tag.
  static let sameUUID = JournalTagFlags(rawValue: 0x2)
  static let deleted = JournalTagFlags(rawValue: 0x4)
  /// The last tag of its descriptor block.
  static let last = JournalTagFlags(rawValue: 0x8)
}

/// The block that ends a transaction (`struct commit_header`).
struct JournalCommit: Equatable {
  var sequence: UInt32
  /// 1 (CRC-32) for checksums of version 1; otherwise 0, and so is the size.
  var checksumType: UInt8 = 0
  var checksumSize: UInt8 = 0
  /// Version 1: the CRC-32 of the descriptor and data blocks. Versions 2 and 3: that of this block.
  var checksum: UInt32 = 0
  var seconds: UInt64
  var nanoseconds: UInt32

  static let crc32Type: UInt8 = 1
  static let crc32Size: UInt8 = 4
  static let checksumOffset = 16
  fileprivate static let byteCount = 60

  init(
    sequence: UInt32, checksumType: UInt8 = 0, checksumSize: UInt8 = 0, checksum: UInt32 = 0, seconds: UInt64,
    nanoseconds: UInt32
  ) {
    self.sequence = sequence
    self.checksumType = checksumType
    self.checksumSize = checksumSize
    self.checksum = checksum
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// Reads a commit block. Returns nil for any other block.
  init?(_ block: [UInt8]) {
    guard block.count >= Self.byteCount, let header = JournalHeader(block), header.type == .commit else {
      return nil
    }
    sequence = header.sequence
    checksumType = block[12]
    checksumSize = block[13]
    checksum = block.bigEndian32(at: Self.checksumOffset)
    seconds = block.bigEndian64(at: 48)
    nanoseconds = block.bigEndian32(at: 56)
  }

  fileprivate func encode(into block: inout [UInt8]) {
    JournalHeader(type: .commit, sequence: sequence).encode(into: &block)
    block[12] = checksumType
    block[13] = checksumSize
    block.setBigEndian32(checksum, at: Self.checksumOffset)
    block.setBigEndian64(seconds, at: 48)
    block.setBigEndian32(nanoseconds, at: 56)
  }
}
