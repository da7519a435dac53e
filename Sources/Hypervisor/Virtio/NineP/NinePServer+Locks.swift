import CLinux
import HostSystem
import SystemPackage

/// Tlock, Tgetlock: locks of byte ranges.
///
/// A lock belongs to the fid, as one of flock(2) or F_OFD_SETLK does: it holds against other fids, other guests and the
/// host's processes, and ends with the fid. The server never waits; the guest asks again. Locks of a read-only share hold
/// against other fids of the session alone.
extension NinePServer {
  private enum LockType {
    static let read: UInt8 = 0
    static let write: UInt8 = 1
    static let unlock: UInt8 = 2
  }

  private enum LockStatus {
    static let success: UInt8 = 0
    static let blocked: UInt8 = 1
  }

  /// size[4] Tlock tag[2] fid[4] type[1] flags[4] start[8] length[8] proc_id[4] client_id[s]; the answer is status[1].
  func lock(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let fid = try self.fid(reader.number())
    let type = try Self.hostType(reader.number())
    _ = try reader.number(UInt32.self)
    let (start, length) = try Self.range(reader.number(), reader.number())
    let process = try reader.number(UInt32.self)
    _ = try reader.string()
    guard case .file = fid.use else { throw .badFileDescriptor }
    if share.isReadOnly {
      let range = try NinePLockTable.Range(start: start, length: length)
      if type == F_UNLCK {
        try locks.unlock(fid, range: range)
        return try writer.number(LockStatus.success)
      }
      let isLocked = try locks.lock(fid, range: range, isExclusive: type == F_WRLCK, process: process)
      return try writer.number(isLocked ? LockStatus.success : LockStatus.blocked)
    }
    do throws(Errno) {
      try check(linux_lock(fid.node.number, type, start, length))
      try writer.number(LockStatus.success)
    } catch  where error == .resourceTemporarilyUnavailable || error == .permissionDenied {
      try writer.number(LockStatus.blocked)
    }
  }

  /// size[4] Tgetlock tag[2] fid[4] type[1] start[8] length[8] proc_id[4] client_id[s]; the answer has the same fields but
  /// the fid: the lock that is in the way, or of type unlock.
  func getlock(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let fid = try self.fid(reader.number())
    var type = try Self.hostType(reader.number())
    var (start, length) = try Self.range(reader.number(), reader.number())
    var process = Int32(bitPattern: try reader.number(UInt32.self))
    let client = try reader.string()
    guard case .file = fid.use else { throw .badFileDescriptor }
    if share.isReadOnly {
      let range = try NinePLockTable.Range(start: start, length: length)
      let obstacle = locks.obstacle(to: fid, range: range, isExclusive: type == F_WRLCK)
      type = obstacle.map { $0.isExclusive ? F_WRLCK : F_RDLCK } ?? F_UNLCK
      if let obstacle {
        (start, length) = (obstacle.range.first, obstacle.range.length)
        process = Int32(bitPattern: obstacle.process)
      }
    } else {
      let lock = try DirectoryFiles.findLock(
        of: fid.node.number, type: type, start: start, byteCount: length)
      (type, start, length) = (lock.type, lock.start, lock.byteCount)
      // A lock of an open file has no process: -1.
      if type != F_UNLCK { process = max(lock.process, 0) }
    }
    try writer.number(Self.wireType(type))
    try writer.number(UInt64(bitPattern: start))
    try writer.number(UInt64(bitPattern: length))
    try writer.number(UInt32(bitPattern: process))
    try writer.string(client.bytes)
  }

  private static func hostType(_ type: UInt8) throws(Errno) -> Int32 {
    switch type {
    case LockType.read: F_RDLCK
    case LockType.write: F_WRLCK
    case LockType.unlock: F_UNLCK
    default: throw .invalidArgument
    }
  }

  private static func wireType(_ type: Int32) -> UInt8 {
    switch type {
    case F_RDLCK: LockType.read
    case F_WRLCK: LockType.write
    default: LockType.unlock
    }
  }

  /// - Throws: EINVAL for what lies beyond the largest file.
  private static func range(_ start: UInt64, _ length: UInt64) throws(Errno) -> (Int64, Int64) {
    guard let start = Int64(exactly: start), let length = Int64(exactly: length) else {
      throw .invalidArgument
    }
    return (start, length)
  }
}
