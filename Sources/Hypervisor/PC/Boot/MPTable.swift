/// The MP floating pointer and configuration table (MultiProcessor Specification 1.4, chapter 4).
struct MPTable {
  private enum EntryType {
    static let processor: UInt8 = 0
    static let bus: UInt8 = 1
    static let ioAPIC: UInt8 = 2
    static let interrupt: UInt8 = 3
    static let localInterrupt: UInt8 = 4
  }

  /// Table 4-10.
  private enum InterruptType {
    static let vectored: UInt8 = 0
    static let nmi: UInt8 = 1
    static let external: UInt8 = 3
  }

  private enum Bus {
    static let pci: UInt8 = 0
    static let isa: UInt8 = 1
  }

  private static let pointerByteCount: UInt64 = 16
  /// Trigger level, polarity active high (table 4-10, PO and EL).
  private static let levelActiveHigh: UInt16 = 0b1101
  private static let conformsToBus: UInt16 = 0
  private static let allLocalAPICs: UInt8 = 0xFF

  let bytes: [UInt8]

  /// Makes pointer and table for the address `address`.
  init(at address: UInt64, vcpuCount: Int) {
    var pointer = LittleEndianBytes(Array("_MP_".utf8))
    pointer.append(UInt32(truncatingIfNeeded: address + Self.pointerByteCount))
    pointer.append([1, 4, 0, 0, 0, 0, 0, 0])  // 16 bytes long, specification 1.4, checksum, a table is there
    pointer.setChecksum(at: 10)

    let entries = Self.entries(vcpuCount: vcpuCount)
    let byteCount = entries.reduce(44) { $0 + $1.count }
    var table = LittleEndianBytes(Array("PCMP".utf8))
    table.append(UInt16(truncatingIfNeeded: byteCount))
    table.append([4, 0])  // specification 1.4, checksum
    table.append("VEXT", byteCount: 8)
    table.append("LKVM", byteCount: 12)
    table.append(0 as UInt32)
    table.append(0 as UInt16)
    table.append(UInt16(truncatingIfNeeded: entries.count))
    table.append(BootLayout.localAPIC)
    table.append(0 as UInt32)
    for entry in entries { table.append(entry) }
    table.setChecksum(at: 7)
    bytes = pointer.bytes + table.bytes
  }

  /// The entries in the order of their types, as §4.3 requires.
  private static func entries(vcpuCount: Int) -> [[UInt8]] {
    var entries = (0..<vcpuCount).map(processor)
    entries.append(bus(Bus.pci, "PCI"))
    entries.append(bus(Bus.isa, "ISA"))
    entries.append(ioAPIC)
    for line in InterruptWiring.isaLines {
      let flags = line == InterruptWiring.systemControlInterrupt ? levelActiveHigh : conformsToBus
      entries.append(interrupt(InterruptType.vectored, flags, bus: Bus.isa, source: line, pin: line))
    }
    for slot in 0..<32 {
      for pin in 0..<4 {
        // A PCI source is the slot in bits 6...2 and the pin in bits 1...0 (appendix D.3).
        entries.append(
          interrupt(
            InterruptType.vectored, conformsToBus, bus: Bus.pci, source: UInt8(slot << 2 | pin),
            pin: UInt8(InterruptWiring.gsi(ofPCISlot: slot))))
      }
    }
    entries.append(localInterrupt(InterruptType.external, pin: 0, localAPIC: 0))
    entries.append(localInterrupt(InterruptType.nmi, pin: 1, localAPIC: allLocalAPICs))
    return entries
  }

  private static func processor(_ index: Int) -> [UInt8] {
    var entry = LittleEndianBytes([EntryType.processor, UInt8(index), 0x14])  // an integrated APIC
    entry.append((index == 0 ? 3 : 1) as UInt8)  // enabled; bootstrap processor
    entry.append(0x600 as UInt32)  // signature: family 6
    entry.append(0x201 as UInt32)  // features: FPU, APIC
    entry.appendZeroes(8)
    return entry.bytes
  }

  private static func bus(_ id: UInt8, _ name: String) -> [UInt8] {
    var entry = LittleEndianBytes([EntryType.bus, id])
    entry.append(name, byteCount: 6)
    return entry.bytes
  }

  private static var ioAPIC: [UInt8] {
    // Version 11h, usable.
    var entry = LittleEndianBytes([EntryType.ioAPIC, InterruptWiring.ioAPICID, 0x11, 1])
    entry.append(BootLayout.ioAPIC)
    return entry.bytes
  }

  private static func interrupt(
    _ type: UInt8, _ flags: UInt16, bus: UInt8, source: UInt8, pin: UInt8
  ) -> [UInt8] {
    var entry = LittleEndianBytes([EntryType.interrupt, type])
    entry.append(flags)
    entry.append([bus, source, InterruptWiring.ioAPICID, pin])
    return entry.bytes
  }

  private static func localInterrupt(_ type: UInt8, pin: UInt8, localAPIC: UInt8) -> [UInt8] {
    var entry = LittleEndianBytes([EntryType.localInterrupt, type])
    entry.append(conformsToBus)
    entry.append([Bus.isa, 0, localAPIC, pin])
    return entry.bytes
  }
}
