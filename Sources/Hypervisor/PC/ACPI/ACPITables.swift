/// All ACPI tables of a machine, one behind the other, the root pointer first.
struct ACPITables {
  private static let rootPointerByteCount = 36
  private static let facsByteCount = 64
  private static let alignment: UInt64 = 64

  let bytes: [UInt8]

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
    let fadt = place(FADT.table(facs: facs, dsdt: dsdt).bytes)
    let madt = place(MADT.table(vcpuCount: vcpuCount).bytes)
    var list = LittleEndianBytes()
    list.append(fadt)
    list.append(madt)
    let xsdt = place(ACPITable("XSDT", revision: 1, body: list.bytes).bytes)
    image.set(Self.rootPointer(xsdt: xsdt), at: 0)
    bytes = image.bytes
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
