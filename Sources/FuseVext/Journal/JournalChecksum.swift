/// The checksums of a journal.
enum JournalChecksum {
  /// The initial value of a chain of checksums.
  static let start: UInt32 = 0xFFFF_FFFF

  /// CRC-32C that continues `checksum`, without the final inversion.
  static func crc32c(_ checksum: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
    Ext2Handle.crc32c(checksum, bytes)
  }

  static func crc32c(_ checksum: UInt32, _ bytes: [UInt8]) -> UInt32 { crc32c(checksum, bytes.span) }

  /// CRC-32 with the most significant bit first, which continues `checksum`, without the final inversion: the checksum of
  /// version 1 over the descriptor and data blocks of a transaction.
  static func crc32(_ checksum: UInt32, _ bytes: [UInt8]) -> UInt32 {
    Ext2Handle.crc32BigEndian(checksum, bytes.span)
  }

  /// The seed of the checksums of versions 2 and 3, except the superblock's.
  static func seed(uuid: [UInt8]) -> UInt32 { crc32c(start, uuid) }
}
