import CExt2
import Glibc
import SystemPackage

/// The I/O manager through which libext2fs reaches a ``MetadataCache``.
///
/// libext2fs gives the function that opens a channel nothing but a name, so the name is this object's address.
@safe
final class IOManager {
  // SAFETY: ``Ext2Handle`` keeps this object for as long as libext2fs has the file system open, and with it the channels that
  // name it. Whatever range libext2fs asks for, the cache checks it against the device; the memory is as long as libext2fs says.
  fileprivate let manager: UnsafeMutablePointer<struct_io_manager>
  fileprivate let cache: MetadataCache

  init(cache: MetadataCache) {
    self.cache = cache
    unsafe manager = .allocate(capacity: 1)
    var functions = unsafe struct_io_manager()
    unsafe functions.magic = errcode_t(EXT2_ET_MAGIC_IO_MANAGER)
    unsafe functions.open = { unsafe openChannel($0, $2) }
    unsafe functions.close = { unsafe closeChannel($0) }
    unsafe functions.set_blksize = { channel, byteCount in
      unsafe channel?.pointee.block_size = byteCount
      return 0
    }
    unsafe functions.read_blk = { unsafe transfer($0, UInt64($1), $2, $3, isWrite: false) }
    unsafe functions.write_blk = {
      unsafe transfer($0, UInt64($1), $2, UnsafeMutableRawPointer(mutating: $3), isWrite: true)
    }
    unsafe functions.read_blk64 = { unsafe transfer($0, $1, $2, $3, isWrite: false) }
    unsafe functions.write_blk64 = {
      unsafe transfer($0, $1, $2, UnsafeMutableRawPointer(mutating: $3), isWrite: true)
    }
    // Writes are on the device already; who wants them durable flushes the queue.
    unsafe functions.flush = { _ in 0 }
    unsafe manager.initialize(to: functions)
  }

  deinit { unsafe manager.deallocate() }

  /// Opens the file system on the cache's device.
  func openFileSystem(readOnly: Bool) throws(Errno) -> ext2_filsys {
    var fileSystem: ext2_filsys?
    let name = unsafe String(UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()))
    try ext2Check(
      unsafe ext2fs_open2(
        name, nil, EXT2_FLAG_64BITS | EXT2_FLAG_SKIP_MMP | (readOnly ? 0 : EXT2_FLAG_RW), 0, 0, manager,
        &fileSystem))
    guard let fileSystem = unsafe fileSystem else { throw .ioError }
    return unsafe fileSystem
  }
}

private func openChannel(_ name: UnsafePointer<CChar>?, _ result: UnsafeMutablePointer<io_channel?>?)
  -> errcode_t
{
  guard let name = unsafe name, let result = unsafe result, let address = UInt(unsafe String(cString: name)),
    let context = unsafe UnsafeMutableRawPointer(bitPattern: address),
    let copy = unsafe strdup(name)
  else { return errcode_t(EINVAL) }
  let channel = io_channel.allocate(capacity: 1)
  unsafe channel.initialize(to: struct_io_channel())
  unsafe channel.pointee.magic = errcode_t(EXT2_ET_MAGIC_IO_CHANNEL)
  unsafe channel.pointee.name = unsafe copy
  unsafe channel.pointee.block_size = 1024
  unsafe channel.pointee.refcount = 1
  unsafe channel.pointee.private_data = unsafe context
  unsafe channel.pointee.manager = unsafe Unmanaged<IOManager>.fromOpaque(context).takeUnretainedValue()
    .manager
  unsafe result.pointee = unsafe channel
  return 0
}

private func closeChannel(_ channel: io_channel?) -> errcode_t {
  guard let channel = unsafe channel else { return errcode_t(EINVAL) }
  unsafe channel.pointee.refcount -= 1
  if unsafe channel.pointee.refcount > 0 { return 0 }
  unsafe free(channel.pointee.name)
  unsafe channel.deallocate()
  return 0
}

/// Moves `count` blocks of the channel's size, or `-count` bytes.
private func transfer(
  _ channel: io_channel?, _ block: UInt64, _ count: Int32, _ memory: UnsafeMutableRawPointer?, isWrite: Bool
) -> errcode_t {
  guard let channel = unsafe channel, let memory = unsafe memory,
    let context = unsafe channel.pointee.private_data,
    case let blockByteCount = unsafe UInt64(max(channel.pointee.block_size, 1)),
    case let (offset, overflow) = block.multipliedReportingOverflow(by: blockByteCount), !overflow
  else { return errcode_t(EINVAL) }
  let byteCount = count < 0 ? -Int(count) : Int(count) * Int(blockByteCount)
  let start = unsafe memory.assumingMemoryBound(to: UInt8.self)
  let cache = unsafe Unmanaged<IOManager>.fromOpaque(context).takeUnretainedValue().cache
  do throws(Errno) {
    if isWrite {
      try unsafe cache.write(
        byteOffset: offset, from: UnsafeBufferPointer(start: start, count: byteCount).span)
    } else {
      var target = unsafe UnsafeMutableBufferPointer(start: start, count: byteCount).mutableSpan
      try cache.read(byteOffset: offset, into: &target)
    }
    return 0
  } catch {
    return errcode_t(error.rawValue)
  }
}
