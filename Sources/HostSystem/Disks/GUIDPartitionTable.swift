import SystemPackage

/// The partition table of UEFI (UEFI 2.10 §5.3), with its checksums, at the beginning of the disk or, if that copy is damaged,
/// at its end.
enum GUIDPartitionTable {
  private static let signature = Array("EFI PART".utf8)
  private static let headerByteCount = 92
  private static let entryLimit = 1024

  /// Nil if there is no table that its checksums confirm.
  static func partitions(
    _ reader: PartitionTable.Reader, sectorByteCount: UInt64
  ) throws(Errno) -> [PartitionTable.Partition]? {
    let sectorCount = reader.byteCount / sectorByteCount
    guard sectorCount > 2 else { return nil }
    for place in [1, sectorCount - 1] {
      if let found = try partitions(reader, at: place, sectorByteCount, sectorCount) { return found }
    }
    return nil
  }

  private static func partitions(
    _ reader: PartitionTable.Reader, at place: UInt64, _ sectorByteCount: UInt64, _ sectorCount: UInt64
  ) throws(Errno) -> [PartitionTable.Partition]? {
    guard var header = try reader.bytes(place * sectorByteCount, Int(sectorByteCount)),
      header.starts(with: signature)
    else { return nil }
    let headerSize = Int(header.number(12, 4))
    guard headerSize >= headerByteCount, headerSize <= header.count else { return nil }
    let checksum = header.number(16, 4)
    for index in 16..<20 { header[index] = 0 }
    guard UInt64(CRC32.checksum(header[..<headerSize])) == checksum, header.number(24, 8) == place else {
      return nil
    }
    let (first, count, size) = (header.number(72, 8), Int(header.number(80, 4)), Int(header.number(84, 4)))
    guard count >= 1, count <= entryLimit, size >= 128, size <= 4096, first < sectorCount,
      let entries = try reader.bytes(first * sectorByteCount, count * size),
      UInt64(CRC32.checksum(entries)) == header.number(88, 4)
    else { return nil }
    var partitions: [PartitionTable.Partition] = []
    for index in 0..<count {
      let offset = index * size
      // An entry without a type is free.
      guard entries[offset..<offset + 16].contains(where: { $0 != 0 }) else { continue }
      let (begin, end) = (entries.number(offset + 32, 8), entries.number(offset + 40, 8))
      guard begin > 0, begin <= end, end < sectorCount else { continue }
      partitions.append(
        .init(
          number: index + 1, byteOffset: begin * sectorByteCount,
          byteCount: (end - begin + 1) * sectorByteCount
        ))
    }
    return partitions
  }
}

/// The checksum of GPT, gzip and Ethernet: the reflected polynomial 0xEDB88320.
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 != 0 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
  }

  static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }
}
