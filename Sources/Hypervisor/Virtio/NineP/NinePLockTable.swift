import SystemPackage

/// Locks of byte ranges that hold within one session, for a share that the guest must not change: a lock of the host's would
/// let a guest that may only read stop the host's programs.
struct NinePLockTable {
  /// A range of bytes, its end included.
  struct Range {
    var first: Int64
    var last: Int64

    /// - Parameter length: 0 is up to the end of the largest file.
    /// - Throws: EINVAL for what lies beyond it.
    init(start: Int64, length: Int64) throws(Errno) {
      let (end, overflow) = start.addingReportingOverflow(length - 1)
      guard start >= 0, length >= 0, length == 0 || !overflow else { throw .invalidArgument }
      (first, last) = (start, length == 0 ? .max : end)
    }

    /// The length as the protocol has it.
    var length: Int64 { last == .max ? 0 : last - first + 1 }

    func overlaps(_ other: Range) -> Bool { first <= other.last && other.first <= last }
  }

  /// A lock of a fid.
  struct Lock {
    var range: Range
    let isExclusive: Bool
    /// The guest's number of the process.
    let process: UInt32
    fileprivate let owner: ObjectIdentifier
  }

  private struct File: Hashable {
    let device: UInt64
    let inode: UInt64

    init(_ node: NinePNode) { (device, inode) = (node.device, node.inode) }
  }

  /// The most locks: a guest must not fill the host's memory with them.
  private static let limit = 4096

  private var locks: [File: [Lock]] = [:]
  private var count = 0

  /// The lock of another fid that is in the way of one of `fid`'s and begins first.
  func obstacle(to fid: NinePFid, range: Range, isExclusive: Bool) -> Lock? {
    let obstacles = (locks[File(fid.node)] ?? []).filter {
      $0.owner != ObjectIdentifier(fid) && $0.range.overlaps(range) && ($0.isExclusive || isExclusive)
    }
    return obstacles.min { $0.range.first < $1.range.first }
  }

  /// Locks the range for `fid`, in place of what it held there.
  ///
  /// - Returns: false where another fid's lock is in the way.
  /// - Throws: ENOLCK where there are too many.
  mutating func lock(
    _ fid: NinePFid, range: Range, isExclusive: Bool, process: UInt32
  ) throws(Errno) -> Bool {
    guard obstacle(to: fid, range: range, isExclusive: isExclusive) == nil else { return false }
    let lock = Lock(
      range: range, isExclusive: isExclusive, process: process, owner: ObjectIdentifier(fid))
    try replace(remainder(of: fid, without: range) + [lock], at: File(fid.node))
    return true
  }

  /// Unlocks what `fid` holds of the range.
  ///
  /// - Throws: ENOLCK where that would leave two locks for one, of which there are too many.
  mutating func unlock(_ fid: NinePFid, range: Range) throws(Errno) {
    try replace(remainder(of: fid, without: range), at: File(fid.node))
  }

  /// Unlocks all that `fid` holds.
  mutating func unlockAll(_ fid: NinePFid) {
    let file = File(fid.node)
    guard let old = locks[file] else { return }
    set(old.filter { $0.owner != ObjectIdentifier(fid) }, at: file)
  }

  /// The file's locks without what `fid` holds of the range.
  private func remainder(of fid: NinePFid, without range: Range) -> [Lock] {
    (locks[File(fid.node)] ?? []).flatMap { lock -> [Lock] in
      guard lock.owner == ObjectIdentifier(fid), lock.range.overlaps(range) else { return [lock] }
      var parts: [Lock] = []
      if lock.range.first < range.first {
        parts.append(lock)
        parts[0].range.last = range.first - 1
      }
      if lock.range.last > range.last {
        parts.append(lock)
        parts[parts.count - 1].range.first = range.last + 1
      }
      return parts
    }
  }

  private mutating func replace(_ new: [Lock], at file: File) throws(Errno) {
    let old = locks[file]?.count ?? 0
    guard new.count <= old || count - old + new.count <= Self.limit else { throw .noLocks }
    set(new, at: file)
  }

  private mutating func set(_ new: [Lock], at file: File) {
    count += new.count - (locks[file]?.count ?? 0)
    locks[file] = new.isEmpty ? nil : new
  }
}
