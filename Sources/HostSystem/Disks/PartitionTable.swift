import SystemPackage

/// The partitions of a disk, by its MBR or its GPT.
///
/// The table's numbers are checked against the disk; entries that do not lie within it are left out.
public struct PartitionTable: Equatable, Sendable {
  /// A partition, numbered as the kernel numbers it.
  public struct Partition: Equatable, Sendable {
    /// From 1 on; logical partitions from 5 on.
    public let number: Int
    /// Where it begins, in bytes.
    public let byteOffset: UInt64
    /// How long it is, in bytes.
    public let byteCount: UInt64
  }

  /// By number.
  public let partitions: [Partition]

  /// Reads the table of a disk; nil if it has none.
  ///
  /// - Parameters:
  ///   - byteCount: The disk's size.
  ///   - sectorByteCount: The size of its logical blocks, by which an MBR counts.
  ///   - read: Returns bytes of the disk, by offset and count, both multiples of 4096.
  public init?(
    byteCount: UInt64, sectorByteCount: Int, read: @escaping (UInt64, Int) throws(Errno) -> [UInt8]
  ) throws(Errno) {
    guard byteCount >= 4096, sectorByteCount >= 512, sectorByteCount <= 4096 else { return nil }
    let reader = Reader(byteCount: byteCount, read: read)
    guard let sector = try reader.bytes(0, 512) else { return nil }
    let entries = MasterBootRecord.entries(in: sector)
    // A GPT stands behind an MBR that reserves the disk for it; without one the kernel ignores it.
    if let entries, entries.contains(where: { $0.type == MasterBootRecord.protectiveType }) {
      for size in sectorByteCount == 512 ? [512, 4096] : [sectorByteCount, 512] {
        if let found = try GUIDPartitionTable.partitions(reader, sectorByteCount: UInt64(size)) {
          partitions = found
          return
        }
      }
    }
    guard let entries else { return nil }
    partitions = try MasterBootRecord.partitions(entries, reader, sectorByteCount: UInt64(sectorByteCount))
    if partitions.isEmpty { return nil }
  }

  /// Bytes of the disk by any offset.
  struct Reader {
    let byteCount: UInt64
    let read: (UInt64, Int) throws(Errno) -> [UInt8]

    /// Nil beyond the end.
    func bytes(_ offset: UInt64, _ count: Int) throws(Errno) -> [UInt8]? {
      guard offset < byteCount, UInt64(count) <= byteCount - offset else { return nil }
      let first = offset / 4096 * 4096
      let end = min((offset + UInt64(count) + 4095) / 4096 * 4096, byteCount / 4096 * 4096)
      guard end >= offset + UInt64(count) else { return nil }
      let all = try read(first, Int(end - first))
      let start = Int(offset - first)
      guard all.count >= start + count else { return nil }
      return Array(all[start..<start + count])
    }
  }
}

extension [UInt8] {
  /// The little-endian number of `count` bytes at an offset inside.
  func number(_ offset: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(self[offset + $1]) << UInt64(8 * $1) }
  }
}
