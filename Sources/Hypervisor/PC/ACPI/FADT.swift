/// The fixed ACPI description table, revision 6 (ACPI 6.5 §5.2.9).
enum FADT {
  /// Offsets within the table.
  private enum Field {
    static let facs = 36
    static let dsdt = 40
    static let profile = 45
    static let sci = 46
    static let pm1aEvent = 56
    static let pm1aControl = 64
    static let pm1EventByteCount = 88
    static let pm1ControlByteCount = 89
    static let c2Latency = 96
    static let c3Latency = 98
    static let century = 108
    static let bootArchitecture = 109
    static let flags = 112
    static let resetRegister = 116
    static let resetValue = 128
    static let minorVersion = 131
    static let dsdt64 = 140
    static let pm1aEvent64 = 148
    static let pm1aControl64 = 172
  }

  /// Table 5.10. The power button is a fixed one, in the PM1a event block, since no flag says otherwise.
  private enum Flag {
    static let wbinvd: UInt32 = 1 << 0
    static let noFixedSleepButton: UInt32 = 1 << 5
    static let resetRegister: UInt32 = 1 << 10
  }

  /// Table 5.11.
  private enum BootArchitecture {
    static let legacyDevices: UInt16 = 1 << 0
    static let keyboardController: UInt16 = 1 << 1
    static let noVGA: UInt16 = 1 << 2
  }

  private static let byteCount = 276
  private static let systemIO: UInt8 = 1
  private static let enterpriseServer: UInt8 = 4
  /// The CMOS register of the century.
  private static let centuryRegister: UInt8 = 0x32

  /// The addresses of other tables.
  static let links = [
    ACPITables.Link(offset: Field.facs, byteCount: 4), ACPITables.Link(offset: Field.dsdt, byteCount: 4),
    ACPITables.Link(offset: Field.dsdt64, byteCount: 8),
  ]

  static func table(facs: UInt64, dsdt: UInt64) -> ACPITable {
    var body = LittleEndianBytes(zeroes: byteCount - ACPITable.headerByteCount)
    func at(_ field: Int) -> Int { field - ACPITable.headerByteCount }
    body.set(UInt32(truncatingIfNeeded: facs), at: at(Field.facs))
    body.set(UInt32(truncatingIfNeeded: dsdt), at: at(Field.dsdt))
    body.set(dsdt, at: at(Field.dsdt64))
    body.set(enterpriseServer, at: at(Field.profile))
    body.set(UInt16(InterruptWiring.systemControlInterrupt), at: at(Field.sci))
    body.set(UInt32(ACPIPorts.pm1aEvent.rawValue), at: at(Field.pm1aEvent))
    body.set(UInt32(ACPIPorts.pm1aControl.rawValue), at: at(Field.pm1aControl))
    body.set(UInt8(ACPIPorts.pm1aEventByteCount), at: at(Field.pm1EventByteCount))
    body.set(UInt8(ACPIPorts.pm1aControlByteCount), at: at(Field.pm1ControlByteCount))
    body.set(address(ACPIPorts.pm1aEvent, bitCount: 32, accessSize: 2), at: at(Field.pm1aEvent64))
    body.set(address(ACPIPorts.pm1aControl, bitCount: 16, accessSize: 2), at: at(Field.pm1aControl64))
    // Latencies above the specification's limits mean that there is neither C2 nor C3.
    body.set(0xFFF as UInt16, at: at(Field.c2Latency))
    body.set(0xFFF as UInt16, at: at(Field.c3Latency))
    body.set(centuryRegister, at: at(Field.century))
    body.set(
      BootArchitecture.legacyDevices | BootArchitecture.keyboardController | BootArchitecture.noVGA,
      at: at(Field.bootArchitecture))
    body.set(
      Flag.wbinvd | Flag.noFixedSleepButton | Flag.resetRegister, at: at(Field.flags))
    body.set(address(ACPIPorts.reset, bitCount: 8, accessSize: 1), at: at(Field.resetRegister))
    body.set(ACPIPorts.resetValue, at: at(Field.resetValue))
    body.set(5 as UInt8, at: at(Field.minorVersion))
    return ACPITable("FACP", revision: 6, body: body.bytes)
  }

  /// A generic address of a port; accesses are of 2^(accessSize - 1) bytes (§5.2.3.2).
  private static func address(_ port: PortAddress, bitCount: UInt8, accessSize: UInt8) -> [UInt8] {
    var address = LittleEndianBytes([systemIO, bitCount, 0, accessSize])
    address.append(UInt64(port.rawValue))
    return address.bytes
  }
}
