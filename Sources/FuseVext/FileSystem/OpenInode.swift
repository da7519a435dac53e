import HostSystem
import Synchronization

/// An inode that the kernel knows.
final class OpenInode: @unchecked Sendable {
  let number: UInt32
  /// Guards ``data``: users take it shared, changers exclusively. Taken before the metadata's lock.
  let lock = ThreadLock()
  /// The location of the data; nil unless it is a loaded regular file.
  var data: FileData?
  /// The time of the last write that the disk does not know, in nanoseconds since 1970; 0 for none.
  let pendingWriteTime = Atomic<UInt64>(0)
  /// The time of the last read that the disk does not know, as ``pendingWriteTime``.
  let pendingAccessTime = Atomic<UInt64>(0)
  /// The reads that set the time of access.
  let accessRule = Atomic<AccessRule>(.unknown)

  enum AccessRule: UInt8, AtomicRepresentable {
    /// The next read decides.
    case unknown
    case none
    case all
  }

  /// Whether the inode on the disk is older than what is here.
  let isDirty = Atomic<Bool>(false)
  /// Whether the disk lacks what reading the file needs: its size, or which blocks hold data. ``isDirty`` is set then too.
  let lacksData = Atomic<Bool>(false)
  /// The number of the journal's transaction that changed last where data are (``JournalLog/Progress``), or a later one.
  let dataTransaction: Atomic<UInt64>
  /// Whether every change of a loaded file must be durable when it is answered (`FS_SYNC_FL`).
  let isSynchronous = Atomic<Bool>(false)
  /// Whether the file has no name any more, so that it is freed when the kernel forgets it.
  let isOrphan = Atomic<Bool>(false)

  /// Whether a file with contents was truncated to nothing, and not closed since.
  let wasEmptied = Atomic<Bool>(false)
  /// Whether the kernel's cache may have the names of a directory.
  let wasListed = Atomic<Bool>(false)

  /// Whether it is known to have no extended attributes. The kernel asks for one before every buffered write.
  let hasNoAttributes = Atomic<Bool>(false)

  /// Whether a write is known to need no check: no set-user-ID, set-group-ID or capability for it to clear, and no flag of the inode
  /// that forbids it. Changed under the lock of the metadata.
  let allowsWrites = Atomic<Bool>(false)

  /// - Parameter transaction: The running transaction, which may have made the inode.
  init(number: UInt32, transaction: UInt64) {
    self.number = number
    dataTransaction = Atomic(transaction)
  }
}
