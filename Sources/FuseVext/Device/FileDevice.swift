import CLinux
import Glibc
import HostSystem
import SystemPackage

/// An image file or a block device, for this process alone.
public final class FileDevice: BlockDevice {
  let descriptor: OwnedDescriptor
  /// Whether requests bypass the page cache, and so need aligned memory.
  let isDirect: Bool
  /// The capacity in bytes.
  public let byteCount: UInt64
  /// The logical block size in bytes; offsets and lengths are multiples of it.
  public let logicalBlockByteCount: Int
  /// Whether writes are refused.
  public let isReadOnly: Bool
  /// Maximum number of open queues.
  public let queueLimit = 1024
  /// The name in messages.
  public let name: String
  let isBlockDevice: Bool
  /// Whether the file had a name when it was opened.
  let hadName: Bool

  /// Opens `path`.
  ///
  /// - Parameters:
  ///   - readOnly: Writes are refused.
  ///   - usesPageCache: Requests go through the page cache of this system. They do in any case on a file system that
  ///     knows no direct I/O.
  /// - Throws: `EBUSY` if somebody has it: a mount, or a process with a lock on it.
  public init(path: String, readOnly: Bool, usesPageCache: Bool = false) throws(Errno) {
    let type = try FilePath(path).stat().type
    guard type == .blockSpecial || type == .regular else { throw Errno(rawValue: ENOTBLK) }
    isBlockDevice = type == .blockSpecial
    let flags = (readOnly ? O_RDONLY : O_RDWR) | (isBlockDevice ? O_EXCL : 0)
    if usesPageCache {
      descriptor = try OwnedDescriptor.open(path, flags: flags)
      isDirect = false
    } else {
      let (opened, direct) = try Self.openDirect(path, flags: flags)
      descriptor = OwnedDescriptor(adopting: opened)
      isDirect = direct
    }
    if isBlockDevice {
      if !readOnly, linux_block_device_is_read_only(descriptor.rawValue) != 0 { throw .readOnlyFileSystem }
    } else {
      try Self.lock(descriptor.rawValue, readOnly: readOnly)
    }
    let end = try checkErrno(lseek(descriptor.rawValue, 0, SEEK_END))
    byteCount = UInt64(end) & ~511
    hadName = try FileDescriptor(rawValue: descriptor.rawValue).stat().linkCount > 0
    logicalBlockByteCount =
      isDirect ? try Self.logicalBlock(descriptor.rawValue, isBlockDevice: isBlockDevice) : 512
    isReadOnly = readOnly
    name = path
  }

  /// How long the lock of somebody else is waited for.
  private static let lockNanoseconds: UInt64 = 2_000_000_000

  /// Locks an image. A process that is about to start a program has a copy of every descriptor until that runs, and with it the lock
  /// of an image that was closed: after an unmount the image may be busy for a moment.
  private static func lock(_ descriptor: Int32, readOnly: Bool) throws(Errno) {
    let deadline = HostClock.monotonicNanoseconds() &+ lockNanoseconds
    while true {
      do throws(Errno) {
        try check(linux_file_lock(descriptor, readOnly ? 0 : 1))
        return
      } catch {
        guard error == .resourceBusy, HostClock.monotonicNanoseconds() < deadline else { throw error }
      }
      HostClock.sleep(nanoseconds: 10_000_000)
    }
  }

  private static func openDirect(_ path: String, flags: Int32) throws(Errno) -> (Int32, Bool) {
    do throws(Errno) {
      return (try OwnedDescriptor.open(path, flags: flags | LINUX_O_DIRECT).release(), true)
    } catch .invalidArgument {
      return (try OwnedDescriptor.open(path, flags: flags).release(), false)
    }
  }

  /// The block size for O_DIRECT: the logical block of a disk, or of the disk of an image.
  private static func logicalBlock(_ descriptor: Int32, isBlockDevice: Bool) throws(Errno) -> Int {
    let size =
      isBlockDevice
      ? Int(try check(linux_block_device_block_size(descriptor)))
      : Int(try DirectIO.alignment(of: descriptor)?.offset ?? 512)
    guard size > 0, size.nonzeroBitCount == 1 else { return 512 }
    return max(size, 512)
  }

  /// Makes a queue for one thread over the same descriptor.
  public func makeQueue() throws(Errno) -> any BlockQueue { try FileQueue(self) }

  /// Allocates memory for transfers, aligned for O_DIRECT.
  public func allocateBuffer(byteCount: Int) throws(Errno) -> BlockBuffer {
    try BlockBuffer(byteCount: byteCount)
  }
}
