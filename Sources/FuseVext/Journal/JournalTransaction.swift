/// The running transaction of a journal, and what earlier ones have left to do.
///
/// A block is in the log from its commit until a checkpoint empties the log. In the log, only its newest copy counts.
struct JournalTransaction {
  /// Blocks that the running transaction has changed. They stay in the cache until its commit.
  private(set) var changed: Set<UInt64> = []
  /// Blocks that the running transaction has freed although the log holds copies of them, which a replay must not write.
  private(set) var revoked: Set<UInt64> = []
  /// Blocks whose committed content is in the log, but not in its place on the device.
  private(set) var unwritten: Set<UInt64> = []
  /// Blocks that a replay of the log would write.
  private var logged: Set<UInt64> = []

  /// Whether a commit would write nothing.
  var isEmpty: Bool { changed.isEmpty && revoked.isEmpty }

  mutating func noteChange(of block: UInt64) { changed.insert(block) }

  /// Records that blocks are free, or belong to a file's data, from now on.
  mutating func noteRelease(of range: Range<UInt64>) {
    let released =
      logged.count < range.count ? logged.filter(range.contains) : Set(range.filter(logged.contains))
    revoked.formUnion(released)
    if changed.count < range.count {
      changed = changed.filter { !range.contains($0) }
    } else {
      for block in range { changed.remove(block) }
    }
    if unwritten.count < range.count {
      unwritten = unwritten.filter { !range.contains($0) }
    } else {
      unwritten.subtract(released)
    }
  }

  /// The log holds the running transaction durably; the next one begins.
  mutating func noteCommit() {
    logged.subtract(revoked)
    logged.formUnion(changed)
    unwritten.formUnion(changed)
    changed.removeAll(keepingCapacity: true)
    revoked.removeAll(keepingCapacity: true)
  }

  /// Committed content of these blocks is in place.
  mutating func noteWritten(_ blocks: [UInt64]) { unwritten.subtract(blocks) }

  /// The log is empty.
  mutating func noteCheckpoint() { logged.removeAll(keepingCapacity: true) }
}
