import SystemPackage

/// The end of a journal that holds fast commits (ext4's `fs/ext4/fast_commit.h`): changes of single files since the last
/// transaction, in little-endian records.
///
/// They are not replayed here, so all that counts is whether there are some.
struct FastCommitArea {
  private let blocks: Range<UInt32>
  private let reader: JournalReader

  private enum Tag {
    static let tail: UInt16 = 8
    static let head: UInt16 = 9
  }
  /// A record's tag and length.
  private static let recordHeaderByteCount = 4

  init(_ superblock: JournalSuperblock, _ reader: JournalReader) {
    self.reader = reader
    let end = superblock.logEnd
    // The kernel leaves one block between the log and the area.
    blocks = end < superblock.blockCount ? end + 1..<superblock.blockCount : 0..<0
  }

  /// Whether there is a commit that follows the last transaction: one that begins with its number, and whose checksum is right.
  func holdsCommits(after sequence: UInt32) throws(JournalFailure) -> Bool {
    var checksum: UInt32 = 0
    var isFirst = true
    for number in blocks {
      let block: [UInt8]
      do throws(Errno) { block = try reader.block(number) } catch { throw .device(error) }
      var offset = 0
      while offset + Self.recordHeaderByteCount <= block.count {
        let tag = block.littleEndian16(at: offset)
        let byteCount = Int(block.littleEndian16(at: offset + 2))
        let content = offset + Self.recordHeaderByteCount
        let end = content + byteCount
        guard tag > 0, tag <= Tag.head, end <= block.count else { return false }
        if isFirst {
          guard tag == Tag.head, byteCount >= 8, block.littleEndian32(at: content + 4) == sequence else {
            return false
          }
          isFirst = false
        }
        if tag == Tag.tail {
          guard byteCount >= 8 else { return false }
          // Of the tail, its number is covered.
          checksum = JournalChecksum.crc32c(checksum, Array(block[offset..<content + 4]))
          return block.littleEndian32(at: content) == sequence
            && block.littleEndian32(at: content + 4) == checksum
        }
        checksum = JournalChecksum.crc32c(checksum, Array(block[offset..<end]))
        offset = end
      }
    }
    return false
  }
}

extension [UInt8] {
  fileprivate func littleEndian16(at offset: Int) -> UInt16 { bigEndian16(at: offset).byteSwapped }
  fileprivate func littleEndian32(at offset: Int) -> UInt32 { bigEndian32(at: offset).byteSwapped }
}
