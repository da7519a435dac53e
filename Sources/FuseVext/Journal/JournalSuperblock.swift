/// The journal's superblock (`journal_superblock_t`), which keeps the bytes that it does not name.
struct JournalSuperblock: Equatable {
  /// `JournalFormat.superblockByteCount` bytes, as they are on the device.
  private(set) var bytes: [UInt8]

  /// Takes the beginning of the journal's block 0. Returns nil if that is not a journal's superblock.
  ///
  /// The values of the fields are unchecked.
  init?(_ block: [UInt8]) {
    guard block.count >= JournalFormat.superblockByteCount, let header = JournalHeader(block),
      header.type == .superblockVersion1 || header.type == .superblockVersion2
    else { return nil }
    bytes = Array(block[..<JournalFormat.superblockByteCount])
  }

  /// Whether there are feature words (`JBD2_SUPERBLOCK_V2`).
  var isVersion2: Bool { bytes.bigEndian32(at: 4) == JournalBlockType.superblockVersion2.rawValue }
  /// `s_blocksize`, in bytes; the same as the file system's.
  var blockByteCount: UInt32 { bytes.bigEndian32(at: 0x0C) }
  /// `s_maxlen`: the blocks of the journal, this one included.
  var blockCount: UInt32 { bytes.bigEndian32(at: 0x10) }
  /// `s_first`: the first block of the log.
  var firstBlock: UInt32 { bytes.bigEndian32(at: 0x14) }
  /// `s_sequence`: the number of the first transaction in the log; of the next one, if the log is empty.
  var sequence: UInt32 {
    get { bytes.bigEndian32(at: 0x18) }
    set { bytes.setBigEndian32(newValue, at: 0x18) }
  }
  /// `s_start`: the block where the first transaction begins; 0 for an empty log.
  var startBlock: UInt32 {
    get { bytes.bigEndian32(at: 0x1C) }
    set { bytes.setBigEndian32(newValue, at: 0x1C) }
  }
  /// `s_errno`: the error for which the kernel gave the journal up, as a negative number; 0 for none.
  var error: UInt32 {
    get { bytes.bigEndian32(at: 0x20) }
    set { bytes.setBigEndian32(newValue, at: 0x20) }
  }
  var compatible: JournalCompatibleFeatures {
    get { JournalCompatibleFeatures(rawValue: isVersion2 ? bytes.bigEndian32(at: 0x24) : 0) }
    set { bytes.setBigEndian32(newValue.rawValue, at: 0x24) }
  }
  var incompatible: JournalIncompatibleFeatures {
    get { JournalIncompatibleFeatures(rawValue: isVersion2 ? bytes.bigEndian32(at: 0x28) : 0) }
    set { bytes.setBigEndian32(newValue.rawValue, at: 0x28) }
  }
  /// `s_feature_ro_compat`, of which no bit is known.
  var readOnlyCompatible: UInt32 { isVersion2 ? bytes.bigEndian32(at: 0x2C) : 0 }
  /// `s_uuid`, which checksums begin with.
  var uuid: [UInt8] { Array(bytes[0x30..<0x40]) }
  /// `s_checksum_type`: 4 (CRC-32C) for checksums of versions 2 and 3.
  var checksumType: UInt8 {
    get { bytes[0x50] }
    set { bytes[0x50] = newValue }
  }
  /// `s_num_fc_blks`: the blocks of the fast-commit area at the end; 0 stands for ``defaultFastCommitBlockCount``.
  var fastCommitBlockCount: UInt32 { bytes.bigEndian32(at: 0x54) }
  /// `s_head`: where the log goes on, if it is empty.
  var head: UInt32 {
    get { bytes.bigEndian32(at: 0x58) }
    set { bytes.setBigEndian32(newValue, at: 0x58) }
  }
  /// `s_checksum`.
  var checksum: UInt32 { bytes.bigEndian32(at: 0xFC) }

  static let defaultFastCommitBlockCount: UInt32 = 256
  static let crc32cType: UInt8 = 4

  /// The first block behind the log: the end of the journal, or the beginning of the fast-commit area.
  var logEnd: UInt32 {
    guard incompatible.contains(.fastCommit) else { return blockCount }
    let count = fastCommitBlockCount == 0 ? Self.defaultFastCommitBlockCount : fastCommitBlockCount
    // The kernel has no such area where the log would become too short.
    let (end, underflow) = blockCount.subtractingReportingOverflow(count)
    return underflow || end < JournalFormat.leastBlockCount ? blockCount : end
  }

  var checksumVersion: JournalChecksumVersion {
    if incompatible.contains(.checksumVersion3) { return .version3 }
    if incompatible.contains(.checksumVersion2) { return .version2 }
    return compatible.contains(.checksum) ? .version1 : .none
  }

  // MARK: Checks

  /// Why the journal cannot be used, or nil: what the kernel refuses, and what it would take for granted.
  ///
  /// - Parameters:
  ///   - fileSystemBlockByteCount: The file system's block size, in bytes.
  ///   - mappedBlockCount: The blocks that the journal's inode has without a hole.
  func problem(fileSystemBlockByteCount: Int, mappedBlockCount: UInt64) -> String? {
    let version2or3: JournalIncompatibleFeatures = [.checksumVersion2, .checksumVersion3]
    if !hasValidChecksum { return "superblock checksum" }
    if incompatible.isSuperset(of: version2or3)
      || compatible.contains(.checksum) && !incompatible.isDisjoint(with: version2or3)
    {
      return "checksums of two versions"
    }
    if !incompatible.isDisjoint(with: version2or3), checksumType != Self.crc32cType { return "checksum type" }
    if blockByteCount != UInt32(clamping: fileSystemBlockByteCount) { return "block size" }
    if UInt64(blockCount) > mappedBlockCount { return "length" }
    let end = logEnd
    if firstBlock == 0 || firstBlock >= end || end - firstBlock < JournalFormat.leastBlockCount - 1 {
      return "first block of the log"
    }
    if startBlock != 0, startBlock < firstBlock || startBlock >= end { return "start of the log" }
    return nil
  }

  /// The first feature that is not known, as a number.
  var unknownFeature: String? {
    let unknown = incompatible.subtracting(.known).rawValue
    let bits = unknown != 0 ? unknown : readOnlyCompatible
    return bits == 0 ? nil : "journal 0x" + String(bits, radix: 16)
  }

  // MARK: Checksum

  /// The checksum of the other fields.
  var expectedChecksum: UInt32 {
    var copy = bytes
    copy.setBigEndian32(0, at: 0xFC)
    return JournalChecksum.crc32c(JournalChecksum.start, copy)
  }

  /// Whether the checksum is right, or not in use.
  var hasValidChecksum: Bool {
    switch checksumVersion {
    case .none, .version1: true
    case .version2, .version3: checksum == expectedChecksum
    }
  }

  /// Sets the checksum after a change, if it is in use.
  mutating func updateChecksum() {
    switch checksumVersion {
    case .none, .version1: break
    case .version2, .version3: bytes.setBigEndian32(expectedChecksum, at: 0xFC)
    }
  }
}
