/// A directory in memory: the places of its blocks and names, and the room in each block.
///
/// The holder of the metadata's lock owns it.
final class Directory {
  /// The place of a name, and the inode that it names.
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
  /// The comparison of names without regard to case; nil if case matters.
  let folding: NameFolding?
  /// The device's block of each block of the directory.
  var blocks: [UInt64] = []
  var names = NameTable()
  /// Number of subdirectories, without `.` and `..`; nil if the entries have no types.
  var subdirectoryCount: Int?
  /// The largest record that each block has room for.
  var gaps: [Int] = []

  init(_ inode: Inode, folding: NameFolding?) {
    self.folding = inode.foldsNames ? folding : nil
    self.inode = inode.number
    isEncrypted = inode.isEncrypted
  }

  /// The hash of a name in ``names``.
  func hash(_ name: [UInt8]) -> UInt32 { folding?.hash(name) ?? NameTable.hash(name) }

  /// Whether a stored name is the one that is sought.
  func isEqual(_ stored: [UInt8], _ name: [UInt8]) -> Bool {
    folding?.isEqual(stored, name) ?? (stored == name)
  }

  var blockCount: Int { isInline ? 1 : blocks.count }

  /// Whether a name is one that every directory has: its own or its parent's.
  static func isDots(_ name: [UInt8]) -> Bool { name == [0x2E] || name == [0x2E, 0x2E] }

  /// Counts an entry that was added or removed. `EXT2_FT_DIR` is 2; 0 does not tell.
  func count(_ name: [UInt8], type: UInt8, by change: Int) {
    guard !Self.isDots(name), let known = subdirectoryCount else { return }
    if type == 0 { subdirectoryCount = nil } else if type == 2 { subdirectoryCount = known + change }
  }
}
