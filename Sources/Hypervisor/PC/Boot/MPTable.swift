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

/// The wiring of interrupt lines to the I/O APIC, as the MP table and ACPI describe it to the guest.
///
/// ISA line n is GSI n and pin n, the timer on pin 0 included. This is KVM's initial routing table, which
/// `InterruptRoutes` keeps.
public enum InterruptWiring {
  /// The ISA lines that a device may drive; line 2 belongs to the PICs.
  public static let isaLines: [UInt8] = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
  /// The line of ACPI's system control interrupt: level-triggered, active high.
  public static let systemControlInterrupt: UInt8 = 9
  /// The I/O APIC's ID after a reset.
  public static let ioAPICID: UInt8 = 0

  /// The GSI that every INTx pin of the PCI device in `slot` drives (``KVMVirtualMachine/setInterruptLine(_:active:)``).
  ///
  /// Level-triggered; `active: true` asserts it. KVM's I/O APIC ignores the pin's polarity.
  public static func gsi(ofPCISlot slot: Int) -> UInt32 { 16 + UInt32(truncatingIfNeeded: slot) % 8 }
}
