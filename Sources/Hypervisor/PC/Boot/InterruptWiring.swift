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
