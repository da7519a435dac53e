/// A table with the common header: signature, length, revision, checksum, creator (ACPI 6.5 §5.2.6).
struct ACPITable {
  static let headerByteCount = 36
  static let oemID = "VEXT"

  private static let checksumOffset = 9

  let bytes: [UInt8]

  init(_ signature: String, revision: UInt8, body: [UInt8]) {
    var table = LittleEndianBytes(Array(signature.utf8))
    table.append(UInt32(Self.headerByteCount + body.count))
    table.append([revision, 0])
    table.append(Self.oemID, byteCount: 6)
    table.append("LKVM", byteCount: 8)
    table.append(1 as UInt32)  // OEM revision
    table.append("VEXT", byteCount: 4)  // creator
    table.append(1 as UInt32)
    table.append(body)
    table.setChecksum(at: Self.checksumOffset)
    bytes = table.bytes
  }

  /// The checksum of a table that lies at `offset`.
  static func checksum(at offset: Int, byteCount: Int) -> ACPITables.Checksum {
    ACPITables.Checksum(offset: offset + checksumOffset, start: offset, byteCount: byteCount)
  }
}
