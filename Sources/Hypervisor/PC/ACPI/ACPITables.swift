/// All ACPI tables of a machine, one behind the other, the root pointer first.
struct ACPITables {
  /// An address of a table within the bytes: who moves the tables must change it.
  struct Link: Equatable {
    let offset: Int
    let byteCount: Int
  }

  /// A checksum within the bytes, and the run whose sum it makes zero.
  struct Checksum: Equatable {
    let offset: Int
    let start: Int
    let byteCount: Int
  }

  static let rootPointerByteCount = 36
  static let alignment: UInt64 = 64
  private static let facsByteCount = 64
  private static let rootLink = Link(offset: 24, byteCount: 8)
  /// The second checksum of the root pointer; the first one is of bytes without an address.
  private static let rootChecksum = Checksum(offset: 32, start: 0, byteCount: rootPointerByteCount)

  let bytes: [UInt8]
  /// The addresses, in ascending order.
  let links: [Link]
  /// The checksums of what has addresses.
  let checksums: [Checksum]

  /// Makes the tables for the address `address`, a multiple of 64.
  init(at address: UInt64, vcpuCount: Int, hasMouse: Bool) {
    var image = LittleEndianBytes(zeroes: Self.rootPointerByteCount)

    /// Appends a table at its alignment, and returns its address.
    func place(_ table: [UInt8]) -> UInt64 {
      let misalignment = image.count % Int(Self.alignment)
      if misalignment != 0 { image.appendZeroes(Int(Self.alignment) - misalignment) }
      let place = address + UInt64(image.count)
      image.append(table)
      return place
    }

    let facs = place(Self.facs)
    let dsdt = place(DSDT.table(hasMouse: hasMouse).bytes)
    let fixedTable = FADT.table(facs: facs, dsdt: dsdt).bytes
    let fadt = place(fixedTable)
    let madt = place(MADT.table(vcpuCount: vcpuCount).bytes)
    var list = LittleEndianBytes()
    list.append(fadt)
    list.append(madt)
    let rootTable = ACPITable("XSDT", revision: 1, body: list.bytes).bytes
    let xsdt = place(rootTable)
    image.set(Self.rootPointer(xsdt: xsdt), at: 0)
    bytes = image.bytes
    let (fadtOffset, xsdtOffset) = (Int(fadt - address), Int(xsdt - address))
    links =
      [Self.rootLink]
      + FADT.links.map { Link(offset: fadtOffset + $0.offset, byteCount: $0.byteCount) }
      + stride(from: ACPITable.headerByteCount, to: rootTable.count, by: 8).map {
        Link(offset: xsdtOffset + $0, byteCount: 8)
      }
    checksums = [
      Self.rootChecksum, ACPITable.checksum(at: fadtOffset, byteCount: fixedTable.count),
      ACPITable.checksum(at: xsdtOffset, byteCount: rootTable.count),
    ]
  }

  /// The RSDP, revision 2, without the 32-bit list of tables (ACPI 6.5 §5.2.5.3).
  private static func rootPointer(xsdt: UInt64) -> [UInt8] {
    var pointer = LittleEndianBytes(Array("RSD PTR ".utf8))
    pointer.append([0])
    pointer.append(ACPITable.oemID, byteCount: 6)
    pointer.append([2])
    pointer.append(0 as UInt32)
    pointer.append(UInt32(rootPointerByteCount))
    pointer.append(xsdt)
    pointer.appendZeroes(4)
    pointer.setChecksum(at: 8, through: 20)
    pointer.setChecksum(at: 32)
    return pointer.bytes
  }

  /// The firmware control structure: no waking vector, a free lock (ACPI 6.5 §5.2.10).
  private static var facs: [UInt8] {
    var structure = LittleEndianBytes(Array("FACS".utf8))
    structure.append(UInt32(facsByteCount))
    structure.appendZeroes(facsByteCount - structure.count)
    structure.set(2 as UInt8, at: 32)  // version
    return structure.bytes
  }
}
