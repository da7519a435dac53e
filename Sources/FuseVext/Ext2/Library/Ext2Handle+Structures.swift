import CExt2
import SystemPackage

/// Blocks of structures with their checksums, and comparisons of the names in them.
extension Ext2Handle {
  // SAFETY: see the type. libext2fs reads and writes whole blocks of its own block size, so that every function refuses an array of
  // another size.

  private var blockByteCount: Int { unsafe Int(pointer.pointee.blocksize) }

  private func checkBlock(_ bytes: [UInt8]) throws(Errno) {
    guard bytes.count == blockByteCount else { throw .corrupted }
  }

  // MARK: Directories

  /// Reads a block of a directory, and checks its checksum.
  func directoryBlock(_ block: UInt64, of number: UInt32) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: blockByteCount)
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_read_dir_block4(pointer, block, $0.baseAddress, 0, number)
    }
    try ext2Check(result)
    return bytes
  }

  /// Writes a block of a directory, with its checksum.
  func writeDirectoryBlock(_ bytes: [UInt8], to block: UInt64, of number: UInt32) throws(Errno) {
    try checkBlock(bytes)
    var bytes = bytes
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_write_dir_block4(pointer, block, $0.baseAddress, 0, number)
    }
    try ext2Check(result)
  }

  // MARK: Extent nodes

  /// Whether a node of an extent tree has the right checksum, or none is in use.
  ///
  /// - Parameter bytes: A block, whose `eh_max` was checked against its size: it tells where the checksum is.
  func isIntact(extentNode bytes: [UInt8], of number: UInt32) throws(Errno) -> Bool {
    try checkExtentNode(bytes)
    var bytes = bytes
    return unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_extent_block_csum_verify(
        pointer, number, $0.baseAddress?.assumingMemoryBound(to: ext3_extent_header.self)) != 0
    }
  }

  /// Sets the checksum of a node of an extent tree.
  func setChecksum(ofExtentNode bytes: inout [UInt8], of number: UInt32) throws(Errno) {
    try checkExtentNode(bytes)
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_extent_block_csum_set(
        pointer, number, $0.baseAddress?.assumingMemoryBound(to: ext3_extent_header.self))
    }
    try ext2Check(result)
  }

  private func checkExtentNode(_ bytes: [UInt8]) throws(Errno) {
    try checkBlock(bytes)
    guard Int(bytes.word(4, 2)) <= ExtentNode.capacity(byteCount: bytes.count) else { throw .corrupted }
  }

  // MARK: The file of orphans

  /// Whether a block of the orphan file has the right checksum, or none is in use.
  func isIntact(orphanBlock bytes: [UInt8], at block: UInt64, of number: UInt32) throws(Errno) -> Bool {
    try checkBlock(bytes)
    var bytes = bytes
    return unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_orphan_file_block_csum_verify(pointer, number, block, $0.baseAddress) != 0
    }
  }

  /// Sets the checksum at the end of a block of the orphan file.
  func setChecksum(ofOrphanBlock bytes: inout [UInt8], at block: UInt64, of number: UInt32) throws(Errno) {
    try checkBlock(bytes)
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_orphan_file_block_csum_set(pointer, number, block, $0.baseAddress)
    }
    try ext2Check(result)
  }

  // MARK: Names

  // The tables of an encoding are constant, and never freed.

  /// Whether the file system has an encoding of names, which tells what differs by case alone (`casefold`).
  var hasEncoding: Bool { unsafe pointer.pointee.encoding != nil }

  /// Whether the encoding has a name.
  func isEncoded(_ name: [UInt8]) -> Bool {
    guard let table = unsafe pointer.pointee.encoding else { return false }
    var copy = name.map { CChar(bitPattern: $0) }
    var position: UnsafeMutablePointer<CChar>?
    return unsafe copy.withUnsafeMutableBufferPointer {
      unsafe ext2fs_check_encoded_name(table, $0.baseAddress, $0.count, &position) == 0
    }
  }

  /// Whether names differ by case alone, or not at all.
  func isEqualFolded(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    guard let table = unsafe pointer.pointee.encoding else { return false }
    return unsafe ext2fs_casefold_cmp(table, first, first.count, second, second.count) == 0
  }

  /// A hash that names have in common which differ by case alone; nil for lack of memory.
  func foldedHash(_ name: [UInt8], seed: (UInt32, UInt32, UInt32, UInt32)) -> UInt32? {
    guard let table = unsafe pointer.pointee.encoding else { return nil }
    var (major, minor): (ext2_dirhash_t, ext2_dirhash_t) = (0, 0)
    let seed = [seed.0, seed.1, seed.2, seed.3]
    let result = unsafe name.withUnsafeBytes { name in
      unsafe ext2fs_dirhash2(
        EXT2_HASH_HALF_MD4, name.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(name.count), table,
        EXT4_CASEFOLD_FL, seed, &major, &minor)
    }
    return result == 0 ? major ^ minor : nil
  }

  // MARK: Checksums

  /// CRC-32C that continues `checksum`, without the final inversion.
  static func crc32c(_ checksum: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { unsafe ext2fs_crc32c_le(checksum, $0.baseAddress, $0.count) }
  }

  /// CRC-32 with the most significant bit first, which continues `checksum`, without the final inversion.
  static func crc32BigEndian(_ checksum: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { unsafe ext2fs_crc32_be(checksum, $0.baseAddress, $0.count) }
  }
}
