import SystemPackage

/// The partition table of PCs since 1983: four entries in the first sector, one of which may stand for a chain of further
/// tables (logical partitions).
enum MasterBootRecord {
  struct Entry {
    let type: UInt8
    /// In sectors, from the beginning of the disk; in the chain, from that of a table.
    let first: UInt64
    let count: UInt64
  }

  /// The type of an entry that reserves the disk for a GPT.
  static let protectiveType: UInt8 = 0xEE
  private static let extendedTypes: Set<UInt8> = [0x05, 0x0F, 0x85]
  /// As in the kernel: a chain that comes back to itself ends.
  private static let logicalLimit = 128

  /// The four entries of a sector; nil if it is no table.
  static func entries(in sector: [UInt8]) -> [Entry]? {
    guard sector.count >= 512, sector[510] == 0x55, sector[511] == 0xAA else { return nil }
    var entries: [Entry] = []
    for offset in stride(from: 446, to: 510, by: 16) {
      // The boot sector of a file system has the same mark, but code where entries would be.
      guard sector[offset] & 0x7F == 0 else { return nil }
      entries.append(
        Entry(
          type: sector[offset + 4], first: sector.number(offset + 8, 4), count: sector.number(offset + 12, 4)
        ))
    }
    return entries
  }

  static func partitions(
    _ entries: [Entry], _ reader: PartitionTable.Reader, sectorByteCount: UInt64
  ) throws(Errno) -> [PartitionTable.Partition] {
    var partitions: [PartitionTable.Partition] = []
    func add(_ number: Int, _ first: UInt64, _ count: UInt64) {
      let offset = first * sectorByteCount
      guard first > 0, count > 0, offset < reader.byteCount else { return }
      let byteCount = min(count * sectorByteCount, reader.byteCount - offset)
      partitions.append(.init(number: number, byteOffset: offset, byteCount: byteCount))
    }
    for (index, entry) in entries.enumerated() where entry.type != 0 && entry.type != protectiveType {
      if !extendedTypes.contains(entry.type) { add(index + 1, entry.first, entry.count) }
    }
    guard let extended = entries.first(where: { extendedTypes.contains($0.type) }) else { return partitions }
    var table = extended.first
    for number in 5..<5 + logicalLimit {
      guard table > 0, let sector = try reader.bytes(table * sectorByteCount, 512),
        let entries = Self.entries(in: sector)
      else { break }
      if let logical = entries.first(where: { $0.type != 0 && !extendedTypes.contains($0.type) }) {
        add(number, table + logical.first, logical.count)
      }
      guard let next = entries.first(where: { extendedTypes.contains($0.type) && $0.first > 0 }) else {
        break
      }
      table = extended.first + next.first
    }
    return partitions
  }
}
