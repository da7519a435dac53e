import CExt2
import SystemPackage

extension Metadata {
  /// The places of the journal's blocks.
  func journalMap() throws(Errno) -> ExtentMap {
    let number = library.superblock.s_journal_inum
    let inode = try inode(number)
    guard inode.isRegularFile, inode.linkCount > 0 else { throw .corrupted }
    let map = try runs(of: inode)
    guard map.runs.allSatisfy({ isPlausible(block: $0.physical, count: $0.count) }) else { throw .corrupted }
    return map
  }
}
