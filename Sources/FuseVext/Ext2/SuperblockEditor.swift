import CExt2
import SystemPackage

/// The first superblock, read and written past libext2fs and its cache: before it has the device, or after a failure.
final class SuperblockEditor {
  private let queue: any BlockQueue
  /// The device's first 4 KiB, where the superblock is at offset 1024.
  private let buffer: BlockBuffer
  /// The place of the superblock in bytes.
  static let byteOffset = 1024

  /// Reads the superblock of a device of at least 4 KiB.
  init(device: any BlockDevice, queue: any BlockQueue) throws(Errno) {
    self.queue = queue
    buffer = try device.allocateBuffer(byteCount: 4096)
    try read()
  }

  func read() throws(Errno) {
    try queue.perform(BlockRequest(.read, byteOffset: 0, memory: buffer.slice(0, 4096)))
  }

  var value: ext2_super_block {
    buffer.slice(0, 4096).load(ext2_super_block.self, at: Self.byteOffset)
  }

  /// Changes the superblock, and makes the change durable. Does nothing if nothing differs.
  func change(_ body: (inout ext2_super_block) -> Void) throws(Errno) {
    var superblock = value
    body(&superblock)
    if superblock.s_feature_ro_compat & UInt32(EXT4_FEATURE_RO_COMPAT_METADATA_CSUM) != 0 {
      superblock.s_checksum = superblock.withBytes { bytes in
        JournalChecksum.crc32c(JournalChecksum.start, bytes.extracting(..<1020))
      }
    }
    if superblock.withBytes({ buffer.holds($0, at: Self.byteOffset) }) { return }
    superblock.withBytes { buffer.copy(from: $0, to: Self.byteOffset) }
    try queue.perform(BlockRequest(.write, byteOffset: 0, memory: buffer.slice(0, 4096)))
    try queue.flush()
  }

  /// Restores the record of errors, which the kernel writes past the journal, to what an older superblock says.
  static func keepErrors(of old: ext2_super_block, in superblock: inout ext2_super_block) {
    superblock.s_state |= old.s_state & UInt16(EXT2_ERROR_FS)
    // From s_error_count to s_last_error_func.
    let first = MemoryLayout<ext2_super_block>.offset(of: \.s_error_count) ?? 0x194
    let end = MemoryLayout<ext2_super_block>.offset(of: \.s_mount_opts) ?? 0x200
    superblock.setBytes(old.bytes(at: first, count: end - first), at: first)
  }
}
