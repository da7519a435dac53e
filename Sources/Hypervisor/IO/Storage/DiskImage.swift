import Glibc
import CLinux
import HostSystem
import SystemPackage

/// An open raw image, qcow image or block device. Any thread, because nothing uses the file position.
public final class DiskImage: Sendable {
  /// The path that was opened.
  public let path: String
  /// The disk's serial number for the guest: 20 bytes, padded with zero bytes.
  public let identity: [UInt8]
  /// The properties that queues copy.
  public let handle: DiskHandle
  private let descriptor: OwnedDescriptor
  /// The disk's bytes, if they are in memory.
  private let memory: MemoryDisk?
  /// The disk in a qcow image; nil for the bytes of a file.
  private let formatted: QcowDisk?

  /// Opens `path`.
  ///
  /// A block device is opened with O_EXCL, which fails if it is mounted. Only one opener at a time may write to an image.
  /// Trailing bytes that do not fill a block are not part of the disk.
  ///
  /// - Parameters:
  ///   - formats: which images are accepted. Another one is refused, because a guest's writes would destroy it.
  ///   - inMemory: whether the disk is a copy in memory, for the engine `memory`: a raw image is read now and never written, and
  ///     `direct` does not matter. The memory is reserved, as much as the disk is large.
  public init(
    path: String, readOnly: Bool, direct: Bool, formats: DiskFormats = .qcow(QcowOptions()),
    inMemory: Bool = false
  ) throws(DiskError) {
    self.path = path
    let kind = try Self.kind(of: path)
    let formats = inMemory && formats != .anyAsRaw ? .raw : formats
    // A snapshot is part of the image's history, which does not change.
    let readOnly = readOnly || formats.options?.snapshot != nil
    let opensForWriting = !readOnly && !inMemory
    let direct = direct && !inMemory
    let flags =
      (opensForWriting ? O_RDWR : O_RDONLY) | (direct ? LINUX_O_DIRECT : 0) | (kind == S_IFBLK ? O_EXCL : 0)
    do throws(Errno) {
      descriptor = try OwnedDescriptor.open(path, flags: flags)
    } catch {
      switch error {
      case .resourceBusy where kind == S_IFBLK: throw .inUse(path: path)
      case .invalidArgument where direct: throw .directRefused(path: path)
      case .readOnlyFileSystem, .permissionDenied:
        throw readOnly ? .cannotOpen(path: path, error) : .readOnly(path: path)
      default: throw .cannotOpen(path: path, error)
      }
    }
    if opensForWriting { try Self.lock(descriptor.rawValue, path) }
    // The kernel opens even a read-only block device for writing, and then fails each write.
    if kind == S_IFBLK && opensForWriting && linux_block_device_is_read_only(descriptor.rawValue) != 0 {
      throw .readOnly(path: path)
    }
    if let qcow = try Self.openQcow(
      descriptor.rawValue, path, kind, formats, readOnly: readOnly, direct: direct)
    {
      formatted = qcow
      memory = nil
      handle = DiskHandle(descriptor: descriptor.rawValue, isReadOnly: readOnly, formatted: qcow)
      identity = Self.identity(of: path)
      return
    }
    formatted = nil
    let block = try direct ? Self.directAlignment(descriptor.rawValue, path) : 512
    // SEEK_END gives the size of files and block devices alike.
    let end = lseek(descriptor.rawValue, 0, SEEK_END)
    guard end >= 0 else { throw .failed(path: path, call: "lseek", Errno(rawValue: errno)) }
    let byteCount = UInt64(end) / UInt64(block) * UInt64(block)
    guard byteCount > 0 else {
      throw .tooSmall(path: path, byteCount: UInt64(end), blockByteCount: block)
    }
    do throws(Errno) {
      memory = inMemory ? try MemoryDisk(copying: descriptor.rawValue, byteCount: byteCount) : nil
    } catch {
      throw .failed(path: path, call: "copy to memory", error)
    }
    handle = DiskHandle(
      descriptor: descriptor.rawValue, byteCount: byteCount, blockByteCount: block,
      isDirect: direct, isReadOnly: readOnly,
      canDiscard: inMemory
        || !readOnly && Self.canDiscard(descriptor.rawValue, path, end: end, isDevice: kind == S_IFBLK),
      memory: memory)
    identity = Self.identity(of: path)
  }

  /// Releases the lock explicitly, because an io_uring may hold the file, and with it the lock, for some time after close.
  deinit {
    guard !handle.isReadOnly else { return }
    formatted?.finish()
    flock(descriptor.rawValue, LOCK_UN)
  }

  /// Makes all written data durable (fdatasync(2)), and blocks until they are. Does nothing for a read-only disk.
  public func flush() throws(Errno) {
    guard !handle.isReadOnly, memory == nil else { return }
    if let formatted {
      do throws(QcowError) { return try formatted.image.close() } catch { throw error.errno }
    }
    try checkErrno(fdatasync(descriptor.rawValue))
  }

  /// Locks an image against other writers until it is closed (flock(2)). Readers take no lock.
  private static func lock(_ descriptor: Int32, _ path: String) throws(DiskError) {
    guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else { return }
    // A file system without locks gives another error, which the user has to know of.
    if errno == EWOULDBLOCK { throw .locked(path: path) }
  }

  private static func kind(of path: String) throws(DiskError) -> mode_t {
    let mode: mode_t
    do throws(Errno) { mode = try NamedFiles.mode(of: path) } catch { throw .cannotOpen(path: path, error) }
    let kind = mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFBLK else { throw .notADisk(path: path) }
    return kind
  }

  /// The smallest unit of O_DIRECT on this file, in bytes: the kernel's value, or else 512 or 4,096 as found by reading.
  private static func directAlignment(_ descriptor: Int32, _ path: String) throws(DiskError) -> UInt32 {
    let alignment: DirectIO.Alignment?
    do throws(Errno) {
      alignment = try DirectIO.alignment(of: descriptor)
    } catch {
      throw .failed(path: path, call: "statx", error)
    }
    if let alignment {
      guard let unit = alignment.unit else { throw .directRefused(path: path) }
      return unit
    }
    let buffer = HostBuffer(byteCount: 4096)
    for unit in [512, 4096] {
      do throws(Errno) {
        _ = try buffer.withMutableBytes(0..<unit) { (bytes) throws(Errno) in
          try DescriptorBytes.read(descriptor, into: &bytes, at: 0)
        }
        return UInt32(unit)
      } catch {
        guard error == .invalidArgument else { throw .failed(path: path, call: "pread", error) }
      }
    }
    throw .directRefused(path: path)
  }

  /// Whether a hole can be punched. A file is asked behind its end, where there is nothing to lose; a device's limit says it.
  private static func canDiscard(
    _ descriptor: Int32, _ path: String, end: off_t, isDevice: Bool
  ) -> Bool {
    guard isDevice else {
      let unit: off_t = 1 << 16
      let (start, overflow) = (end & ~(unit - 1)).addingReportingOverflow(unit)
      return !overflow && linux_punch_hole(descriptor, Int64(start), Int64(unit)) == 0
    }
    guard let device = try? NamedFiles.device(below: path) else { return false }
    let folder = "/sys/dev/block/\(device.major):\(device.minor)"
    // A partition has its disk's queue.
    for queue in ["queue", "../queue"] {
      // An attribute that is not there: the next folder has it, or the device cannot.
      guard let text = try? HostFile.contents(of: "\(folder)/\(queue)/write_zeroes_max_bytes") else {
        continue
      }
      return text.first.map { $0 != UInt8(ascii: "0") } ?? false
    }
    return false
  }

  /// Returns "vext-" and the FNV-1a hash of the path, which differs between disks and stays the same for a disk.
  private static func identity(of path: String) -> [UInt8] {
    let name = Array("vext-\(FNV1a.hash(path.utf8) % 1_000_000_000_000)".utf8)
    return Array((name + [UInt8](repeating: 0, count: 20)).prefix(20))
  }
}
