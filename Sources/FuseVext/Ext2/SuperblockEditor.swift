import CExt2
import SystemPackage

/// The first superblock, read and written past libext2fs and its cache: before it has the device, or after a failure.
final class SuperblockEditor {
  private let queue: any BlockQueue
  /// The device's first 4 KiB, where the superblock is at offset 1024.
  private let buffer: BlockBuffer
  private static let byteOffset = 1024

  /// Reads the superblock of a device of at least 4 KiB.
  init(device: any BlockDevice, queue: any BlockQueue) throws(Errno) {
    self.queue = queue
    buffer = try device.allocateBuffer(byteCount: 4096)
    try read()
  }

  func read() throws(Errno) {
    unsafe try queue.perform(BlockRequest(.read, byteOffset: 0, memory: buffer.slice(0, 4096)))
  }

  var value: ext2_super_block {
    // SAFETY: the superblock is the 1024 bytes from offset 1024 on; the type is plain words.
    unsafe buffer.base.loadUnaligned(fromByteOffset: Self.byteOffset, as: ext2_super_block.self)
  }

  /// Changes the superblock, and makes the change durable. Does nothing if nothing differs.
  func change(_ body: (inout ext2_super_block) -> Void) throws(Errno) {
    var superblock = value
    body(&superblock)
    if superblock.s_feature_ro_compat & UInt32(EXT4_FEATURE_RO_COMPAT_METADATA_CSUM) != 0 {
      superblock.s_checksum = unsafe withUnsafeBytes(of: superblock) {
        unsafe JournalChecksum.crc32c(JournalChecksum.start, UnsafeRawBufferPointer(rebasing: $0[..<1020]))
      }
    }
    let target = unsafe buffer.slice(Self.byteOffset, 1024)
    let isSame = unsafe withUnsafeBytes(of: superblock) {
      unsafe memoryIsEqual(target.baseAddress.unsafelyUnwrapped, $0.baseAddress.unsafelyUnwrapped, 1024)
    }
    if isSame { return }
    unsafe withUnsafeBytes(of: superblock) { unsafe target.copyMemory(from: $0) }
    unsafe try queue.perform(BlockRequest(.write, byteOffset: 0, memory: buffer.slice(0, 4096)))
    try queue.flush()
  }

  /// Restores the record of errors, which the kernel writes past the journal, to what an older superblock says.
  static func keepErrors(of old: ext2_super_block, in superblock: inout ext2_super_block) {
    superblock.s_state |= old.s_state & UInt16(EXT2_ERROR_FS)
    // From s_error_count to s_last_error_func.
    let first = MemoryLayout<ext2_super_block>.offset(of: \.s_error_count) ?? 0x194
    let end = MemoryLayout<ext2_super_block>.offset(of: \.s_mount_opts) ?? 0x200
    unsafe withUnsafeBytes(of: old) { source in
      unsafe withUnsafeMutableBytes(of: &superblock) { target in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[first..<end])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[first..<end]))
      }
    }
  }
}
