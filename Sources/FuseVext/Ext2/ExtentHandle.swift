import CExt2
import SystemPackage

/// A position in the extent tree of a file (`ext2_extent_handle_t`).
@safe
struct ExtentHandle: ~Copyable {
  private let handle: ext2_extent_handle_t

  init(_ metadata: borrowing Metadata, _ number: UInt32) throws(Errno) {
    var opened: ext2_extent_handle_t?
    try ext2Check(unsafe ext2fs_extent_open2(metadata.fileSystem, number, nil, &opened))
    guard let opened = unsafe opened else { throw .ioError }
    unsafe handle = unsafe opened
  }

  deinit { unsafe ext2fs_extent_free(handle) }

  /// The first entry of the tree, a node or a leaf.
  func first() throws(Errno) -> ext2fs_extent? { try get(EXT2_EXTENT_ROOT) }

  /// The next entry.
  func next() throws(Errno) -> ext2fs_extent? { try get(EXT2_EXTENT_NEXT) }

  /// The entry before in the same node, if there is one.
  func previousSibling() throws(Errno) -> ext2fs_extent? { try get(EXT2_EXTENT_PREV_SIB) }

  /// The leaf that holds `block`, or one near a hole; nil for an empty tree.
  func seek(_ block: UInt64) throws(Errno) -> ext2fs_extent? {
    let result = unsafe ext2fs_extent_goto(handle, block)
    if Int(result) != Int(EXT2_ET_EXTENT_NOT_FOUND) { try ext2Check(result) }
    return try get(EXT2_EXTENT_CURRENT)
  }

  func replace(_ extent: ext2fs_extent) throws(Errno) {
    var extent = extent
    try ext2Check(unsafe ext2fs_extent_replace(handle, 0, &extent))
  }

  func insertAfter(_ extent: ext2fs_extent) throws(Errno) {
    var extent = extent
    try ext2Check(unsafe ext2fs_extent_insert(handle, EXT2_EXTENT_INSERT_AFTER, &extent))
  }

  func delete() throws(Errno) { try ext2Check(unsafe ext2fs_extent_delete(handle, 0)) }

  /// Tells the nodes above that the first block of this leaf has changed.
  func fixParents() throws(Errno) {
    let result = unsafe ext2fs_extent_fix_parents(handle)
    // Of a tree without entries there is nothing to tell.
    if Int(result) != Int(EXT2_ET_NO_CURRENT_NODE) { try ext2Check(result) }
  }

  private func get(_ direction: Int32) throws(Errno) -> ext2fs_extent? {
    var extent = ext2fs_extent()
    let result = unsafe ext2fs_extent_get(handle, direction, &extent)
    switch Int(result) {
    case Int(EXT2_ET_EXTENT_NO_NEXT), Int(EXT2_ET_EXTENT_NO_PREV), Int(EXT2_ET_EXTENT_NO_DOWN),
      Int(EXT2_ET_NO_CURRENT_NODE):
      return nil
    default:
      try ext2Check(result)
      return extent
    }
  }
}
