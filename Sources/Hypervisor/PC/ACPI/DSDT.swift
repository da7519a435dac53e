/// The differentiated system description table: the devices that a kernel cannot find otherwise, and the power-off state.
enum DSDT {
  /// - Parameter hasMouse: whether a PS/2 mouse is behind the keyboard's controller.
  static func table(hasMouse: Bool) -> ACPITable {
    ACPITable("DSDT", revision: 2, body: [sleepStates, systemBus(hasMouse)].flatMap(\.encoded))
  }

  /// \_S5: SLP_TYP for PM1a and PM1b control (§7.4.2.6).
  private static var sleepStates: AML {
    let type = AML.integer(UInt64(ACPIPorts.sleepTypeOff))
    return .name("\\_S5", .package([type, type, .integer(0), .integer(0)]))
  }

  private static func systemBus(_ hasMouse: Bool) -> AML {
    .scope("\\_SB", [pciHost] + serialPorts + [keyboard] + (hasMouse ? [mouse] : []) + [clock])
  }

  private static var pciHost: AML {
    let configuration = PCIHost.firstPort.rawValue
    var resources = ResourceTemplate()
    resources.addBusNumbers(0...0)
    resources.addPorts(configuration, byteCount: 8)
    resources.addPortWindow(0...configuration - 1)
    resources.addPortWindow(configuration + 8...UInt16.max)
    resources.addMemoryWindow(UInt32(PCIHost.barWindowStart)...UInt32(PCIHost.barWindowEnd - 1))
    return .device(
      "PCI0",
      [
        .name("_HID", .eisaID("PNP0A03")), .name("_UID", .integer(0)), .name("_BBN", .integer(0)),
        .name("_CRS", resources.aml), .name("_PRT", .package(interruptRouting)),
      ])
  }

  /// For each slot and pin: address, pin, no link device, GSI (§6.2.13). PCI's level-triggered, active low is implied.
  private static var interruptRouting: [AML] {
    (0..<32).flatMap { slot in
      (0..<4).map { pin in
        .package([
          .integer(UInt64(slot) << 16 | 0xFFFF), .integer(UInt64(pin)), .integer(0),
          .integer(UInt64(InterruptWiring.gsi(ofPCISlot: slot))),
        ])
      }
    }
  }

  /// Only the first serial port, because the others share its interrupt lines and kernels find them without a table.
  private static var serialPorts: [AML] {
    var resources = ResourceTemplate()
    resources.addPorts(0x3F8, byteCount: 8)
    resources.addInterruptLine(4)
    return [device("COM1", "PNP0501", resources, uid: 1)]
  }

  private static var keyboard: AML {
    var resources = ResourceTemplate()
    resources.addPorts(0x60, byteCount: 1)
    resources.addPorts(0x64, byteCount: 1)
    resources.addInterruptLine(1)
    return device("KBD", "PNP0303", resources)
  }

  /// Its ports are the keyboard's.
  private static var mouse: AML {
    var resources = ResourceTemplate()
    resources.addInterruptLine(UInt8(KeyboardController.mouseLine))
    return device("MOU", "PNP0F13", resources)
  }

  private static var clock: AML {
    var resources = ResourceTemplate()
    resources.addPorts(0x70, byteCount: 2)
    resources.addInterruptLine(8)
    return device("RTC", "PNP0B00", resources)
  }

  private static func device(
    _ name: String, _ id: String, _ resources: ResourceTemplate, uid: UInt64 = 0
  ) -> AML {
    .device(
      name,
      [
        .name("_HID", .eisaID(id)), .name("_UID", .integer(uid)),
        .name("_STA", .integer(0xF)),  // present, enabled, shown, working
        .name("_CRS", resources.aml),
      ])
  }
}
