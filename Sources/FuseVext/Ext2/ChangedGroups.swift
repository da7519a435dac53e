/// The block groups whose bitmaps and descriptors differ from what the running transaction, or the device, has of them.
///
/// Belongs to the thread that holds the lock of the metadata.
final class ChangedGroups {
  private(set) var ofBlocks: Set<UInt32> = []
  private(set) var ofInodes: Set<UInt32> = []

  var isEmpty: Bool { ofBlocks.isEmpty && ofInodes.isEmpty }

  /// The state of blocks in the bitmap changes.
  func note(block: UInt64, count: UInt64, in library: Ext2Handle) {
    guard count > 0 else { return }
    let first = library.group(ofBlock: block)
    let last = library.group(ofBlock: block &+ (count - 1))
    guard first <= last else { return }
    ofBlocks.formUnion(first...last)
  }

  /// The state of an inode in the bitmap changes.
  func note(inode: UInt32, in library: Ext2Handle) {
    ofInodes.insert(library.group(ofInode: inode))
  }

  func removeAll() {
    ofBlocks.removeAll(keepingCapacity: true)
    ofInodes.removeAll(keepingCapacity: true)
  }
}
