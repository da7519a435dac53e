import CExt2

/// The block groups whose bitmaps and descriptors differ from what the running transaction, or the device, has of them.
///
/// Belongs to the thread that holds the lock of the metadata.
final class ChangedGroups {
  private(set) var ofBlocks: Set<UInt32> = []
  private(set) var ofInodes: Set<UInt32> = []

  var isEmpty: Bool { ofBlocks.isEmpty && ofInodes.isEmpty }

  /// The state of blocks in the bitmap changes.
  func note(_ fileSystem: ext2_filsys, block: UInt64, count: UInt64) {
    guard count > 0 else { return }
    let first = unsafe ext2fs_group_of_blk2(fileSystem, block)
    let last = unsafe ext2fs_group_of_blk2(fileSystem, block &+ (count - 1))
    guard first <= last else { return }
    ofBlocks.formUnion(first...last)
  }

  /// The state of an inode in the bitmap changes.
  func note(_ fileSystem: ext2_filsys, inode: UInt32) {
    ofInodes.insert(unsafe ext2fs_group_of_ino(fileSystem, inode))
  }

  func removeAll() {
    ofBlocks.removeAll(keepingCapacity: true)
    ofInodes.removeAll(keepingCapacity: true)
  }
}
