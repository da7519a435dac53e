import HostSystem
import Synchronization
import SystemPackage

/// The rules for setting the time of access.
public struct AccessTimes: Equatable, Sendable {
  /// The reads that set the time of access.
  public enum Mode: Equatable, Sendable {
    /// No reads (`noatime`).
    case never
    /// The first read after a change, and the first of a day (`relatime`).
    case relative
    /// All reads (`strictatime`).
    case always
  }

  /// The reads that set it.
  public var mode = Mode.relative
  /// Whether listing a directory counts as reading (not with `nodiratime`).
  public var includesDirectories = true
  /// The times of access reach the disk with another change of the inode, or when the kernel forgets it (`lazytime`).
  public var isLazy = false

  /// Makes the default rules: `relatime`.
  public init() {}

  /// How long a time of access counts as recent, in seconds (the kernel's `relatime_need_update`).
  static let recentSeconds: Int64 = 24 * 60 * 60
}

/// Times of access are kept in memory by reads and written later, many inodes in one step.
extension FileSystem {
  /// Call after a read of a file, directory or symbolic link. Costs one load if there is nothing to do.
  func noteAccess(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    switch inode.accessRule.load(ordering: .relaxed) {
    case .none: return
    case .all: setAccessTime(of: inode)
    case .unknown: try considerAccess(inode, resources)
    }
  }

  /// Lets the next read decide from the inode whether it sets the time of access. Called when a file is opened.
  func expectAccess(_ inode: OpenInode) {
    if accessTimes.mode != .never { inode.accessRule.store(.unknown, ordering: .relaxed) }
  }

  /// Whether the kernel's cache may hold data of a file: it was read or written.
  func mayBeCached(_ inode: OpenInode) -> Bool { inode.lock.shared { inode.data != nil } }

  /// The time of access that the disk does not know; 0 for none.
  func pendingAccessTime(of inode: OpenInode) -> UInt64 { inode.pendingAccessTime.load(ordering: .relaxed) }

  private func considerAccess(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    // First, so that a write at the same moment takes precedence.
    inode.accessRule.store(.none, ordering: .relaxed)
    guard accessTimes.mode != .never, !isReadOnly else { return }
    let record = try inspect(resources) { (metadata) throws(Errno) in try metadata.inode(inode.number) }
    guard !record.keepsAccessTime, accessTimes.includesDirectories || !record.isDirectory else { return }
    if accessTimes.mode == .always { inode.accessRule.store(.all, ordering: .relaxed) }
    if accessTimes.mode == .always || isAccessTimeOld(record, inode) { setAccessTime(of: inode) }
  }

  private func isAccessTimeOld(_ record: Inode, _ inode: OpenInode) -> Bool {
    var (access, write, change) = (record.accessTime, record.modificationTime, record.changeTime)
    if let pending = InodeTime(pending: inode.pendingAccessTime.load(ordering: .relaxed)) { access = pending }
    if let pending = InodeTime(pending: inode.pendingWriteTime.load(ordering: .relaxed)) {
      (write, change) = (pending, pending)
    }
    if access <= write || access <= change { return true }
    return InodeTime.now().seconds - access.seconds >= AccessTimes.recentSeconds
  }

  private func setAccessTime(of inode: OpenInode) {
    let old = inode.pendingAccessTime.exchange(HostClock.realtimeNanoseconds(), ordering: .relaxed)
    if old == 0 { accessed.withLock { _ = $0.insert(inode.number) } }
  }

  /// Writes the times of access that the disk does not know.
  func writeAccessTimes(_ resources: ServingResources) throws(Errno) {
    let numbers = accessed.withLock { numbers in
      defer { numbers = [] }
      return numbers.sorted()
    }
    // Neighbours are in the same block.
    for first in stride(from: 0, to: numbers.count, by: 32) {
      let part = numbers[first..<min(first + 32, numbers.count)]
      try change(resources) { (metadata) throws(Errno) in
        try metadata.batch { (metadata: inout Metadata) throws(Errno) in
          for number in part {
            // Nil if the file was freed; its number may be another file's.
            guard let inode = knownInode(number) else { continue }
            try metadata.writeAccessTime(of: inode)
          }
        }
      }
    }
  }

  /// As ``writeAccessTimes(_:)``, of one inode that the kernel is about to forget.
  func writeAccessTime(of inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    guard inode.pendingAccessTime.load(ordering: .relaxed) != 0 else { return }
    _ = accessed.withLock { $0.remove(inode.number) }
    try change(resources) { (metadata) throws(Errno) in try metadata.writeAccessTime(of: inode) }
  }
}

extension Metadata {
  fileprivate func writeAccessTime(of inode: OpenInode) throws(Errno) {
    guard let time = InodeTime(pending: inode.pendingAccessTime.exchange(0, ordering: .relaxed)) else {
      return
    }
    var record = try self.inode(inode.number)
    record.accessTime = time
    try write(record)
  }
}

extension InodeTime {
  /// From the nanoseconds since 1970 of a time that is kept in memory; nil for 0, which stands for none.
  init?(pending nanoseconds: UInt64) {
    guard nanoseconds > 0 else { return nil }
    self.init(seconds: Int64(nanoseconds / 1_000_000_000), nanoseconds: UInt32(nanoseconds % 1_000_000_000))
  }
}
