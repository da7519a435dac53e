/// The multiple APIC description table, revision 5 (ACPI 6.5 §5.2.12).
enum MADT {
  private enum EntryType {
    static let localAPIC: UInt8 = 0
    static let ioAPIC: UInt8 = 1
    static let sourceOverride: UInt8 = 2
    static let localNMI: UInt8 = 4
  }

  /// The machine has a pair of 8259 PICs too.
  private static let pcCompatible: UInt32 = 1
  /// Polarity active high, trigger level (table 5.26).
  private static let levelActiveHigh: UInt16 = 0b1101
  private static let allProcessors: UInt8 = 0xFF

  static func table(vcpuCount: Int) -> ACPITable {
    var body = LittleEndianBytes()
    body.append(BootLayout.localAPIC)
    body.append(pcCompatible)
    for index in 0..<vcpuCount {
      // Processor UID and APIC ID are the vCPU's number; the flag says enabled.
      body.append([EntryType.localAPIC, 8, UInt8(index), UInt8(index), 1, 0, 0, 0])
    }
    body.append([EntryType.ioAPIC, 12, InterruptWiring.ioAPICID, 0])
    body.append(BootLayout.ioAPIC)
    body.append(0 as UInt32)  // its first GSI
    let sci = InterruptWiring.systemControlInterrupt
    body.append([EntryType.sourceOverride, 10, 0, sci])
    body.append(UInt32(sci))
    body.append(levelActiveHigh)
    body.append([EntryType.localNMI, 6, allProcessors, 0, 0, 1])  // conforms to the bus, LINT1
    return ACPITable("APIC", revision: 5, body: body.bytes)
  }
}
