import CExt2
import SystemPackage

/// Blocks that only root, and the user and the group that the superblock names, may use (`s_r_blocks_count`, `s_def_resuid`,
/// `s_def_resgid`).
extension Metadata {
  /// At most as many as there are, whatever the disk says.
  var rootReserveBlockCount: UInt64 { min(library.rootReserveBlockCount, blockCount) }

  /// Throws `ENOSPC` unless the caller may take this number of blocks and leave `heldBack` others free.
  func checkRoom(for count: UInt64, leaving heldBack: UInt64 = 0) throws(Errno) {
    guard count > 0 else { return }
    let available = availableBlockCount
    guard available >= heldBack, available - heldBack >= count else { throw .noSpace }
    let left = available - heldBack - count
    guard left >= rootReserveBlockCount || mayUseRootReserve else { throw .noSpace }
  }

  /// Whether ``checkRoom(for:leaving:)`` finds `count` free blocks, instead of an error.
  func hasRoom(for count: UInt64) -> Bool {
    do throws(Errno) {
      try checkRoom(for: count)
      return true
    } catch {
      return false
    }
  }

  private var mayUseRootReserve: Bool {
    let superblock = library.superblock
    let group = UInt32(superblock.s_def_resgid)
    return caller.user == UInt32(superblock.s_def_resuid) || group != 0 && caller.isMember(of: group)
      || caller.has(.resources)
  }
}
