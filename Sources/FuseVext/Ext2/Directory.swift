/// What is known of a directory: where its blocks are, which names it has, how much room each block has.
///
/// Belongs to whoever holds the lock of the metadata.
final class Directory {
  /// Where a name is, and what it names.
  struct Entry {
    var inode: UInt32
    var type: UInt8
    /// The block, counted from the directory's first.
    let block: Int
    /// The record's start in the block.
    let offset: Int
  }

  let inode: UInt32
  /// Whether the names are encrypted.
  let isEncrypted: Bool
  /// Whether the names are in the inode: there is one block of them then, but not on the device.
  var isInline = false
  /// The device's block of each block of the directory.
  var blocks: [UInt64]
  var entries: [[UInt8]: Entry] = [:]
  /// The largest record that each block has room for.
  var gaps: [Int] = []

  init(_ inode: Inode, blocks: [UInt64]) {
    self.inode = inode.number
    isEncrypted = inode.isEncrypted
    self.blocks = blocks
  }

  /// A directory whose names are in its inode.
  convenience init(inline inode: Inode) {
    self.init(inode, blocks: [])
    isInline = true
  }

  var blockCount: Int { isInline ? 1 : blocks.count }

  /// Whether it has no names but `.` and `..`.
  var isEmpty: Bool { entries.allSatisfy { $0.key == [0x2E] || $0.key == [0x2E, 0x2E] } }
}
