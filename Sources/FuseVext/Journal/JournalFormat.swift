/// Numbers of the jbd2 journal format (the kernel's `include/linux/jbd2.h`). All words of a journal are big-endian.
enum JournalFormat {
  /// The first word of every block that is not a copy of a file system block (`JBD2_MAGIC_NUMBER`).
  static let magic: UInt32 = 0xC03B_3998
  /// The length of the superblock, which is the beginning of the journal's block 0.
  static let superblockByteCount = 1024
  /// The length of the header that descriptor, commit and revoke blocks begin with.
  static let headerByteCount = 12
  /// The shortest journal that the kernel uses, in blocks (`JBD2_MIN_JOURNAL_BLOCKS`).
  static let leastBlockCount: UInt32 = 1024

  /// Returns whether transaction `first` was made after `second`. Sequence numbers wrap around.
  static func isLater(_ first: UInt32, than second: UInt32) -> Bool {
    Int32(bitPattern: first &- second) > 0
  }
}

/// The kind of a block with a header (`h_blocktype`).
enum JournalBlockType: UInt32 {
  case descriptor = 1
  case commit = 2
  case superblockVersion1 = 3
  case superblockVersion2 = 4
  case revoke = 5
}

/// The beginning of a block of the log (`journal_header_t`).
struct JournalHeader: Equatable {
  var type: JournalBlockType
  var sequence: UInt32

  init(type: JournalBlockType, sequence: UInt32) {
    self.type = type
    self.sequence = sequence
  }

  /// Reads a header. Returns nil if the block has no header, or an unknown type.
  init?(_ block: [UInt8]) {
    guard block.count >= JournalFormat.headerByteCount, block.bigEndian32(at: 0) == JournalFormat.magic,
      let type = JournalBlockType(rawValue: block.bigEndian32(at: 4))
    else { return nil }
    self.type = type
    sequence = block.bigEndian32(at: 8)
  }

  /// Writes the header to the beginning of a block.
  func encode(into block: inout [UInt8]) {
    block.setBigEndian32(JournalFormat.magic, at: 0)
    block.setBigEndian32(type.rawValue, at: 4)
    block.setBigEndian32(sequence, at: 8)
  }
}

/// Features that a reader may ignore (`s_feature_compat`).
struct JournalCompatibleFeatures: OptionSet {
  let rawValue: UInt32
  /// Commit blocks have a checksum of the transaction's blocks ("version 1").
  static let checksum = JournalCompatibleFeatures(rawValue: 0x1)
}

/// Features that a reader must know (`s_feature_incompat`).
struct JournalIncompatibleFeatures: OptionSet {
  let rawValue: UInt32
  static let revoke = JournalIncompatibleFeatures(rawValue: 0x1)
  static let blockNumbers64Bit = JournalIncompatibleFeatures(rawValue: 0x2)
  /// The commit block is written together with what it commits; its checksum tells whether all of that was written.
  static let asyncCommit = JournalIncompatibleFeatures(rawValue: 0x4)
  static let checksumVersion2 = JournalIncompatibleFeatures(rawValue: 0x8)
  static let checksumVersion3 = JournalIncompatibleFeatures(rawValue: 0x10)
  static let fastCommit = JournalIncompatibleFeatures(rawValue: 0x20)
  static let known: JournalIncompatibleFeatures = [
    .revoke, .blockNumbers64Bit, .asyncCommit, .checksumVersion2, .checksumVersion3, .fastCommit,
  ]
}

/// The versions of a journal's checksums.
enum JournalChecksumVersion: Equatable {
  case none
  /// The commit block has a CRC-32 of the transaction's descriptor and data blocks.
  case version1
  /// Every block has a CRC-32C. A tag keeps the low 16 bits of its block's.
  case version2
  /// Version 2 with all 32 bits in a tag.
  case version3
}

extension [UInt8] {
  /// The big-endian word at an offset; the array is at least that long.
  func bigEndian16(at offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

  func bigEndian32(at offset: Int) -> UInt32 {
    UInt32(bigEndian16(at: offset)) << 16 | UInt32(bigEndian16(at: offset + 2))
  }

  func bigEndian64(at offset: Int) -> UInt64 {
    UInt64(bigEndian32(at: offset)) << 32 | UInt64(bigEndian32(at: offset + 4))
  }

  mutating func setBigEndian16(_ value: UInt16, at offset: Int) {
    self[offset] = UInt8(truncatingIfNeeded: value >> 8)
    self[offset + 1] = UInt8(truncatingIfNeeded: value)
  }

  mutating func setBigEndian32(_ value: UInt32, at offset: Int) {
    setBigEndian16(UInt16(truncatingIfNeeded: value >> 16), at: offset)
    setBigEndian16(UInt16(truncatingIfNeeded: value), at: offset + 2)
  }

  mutating func setBigEndian64(_ value: UInt64, at offset: Int) {
    setBigEndian32(UInt32(truncatingIfNeeded: value >> 32), at: offset)
    setBigEndian32(UInt32(truncatingIfNeeded: value), at: offset + 4)
  }
}
