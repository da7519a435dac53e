/// The ports that the ACPI tables contain; the machine's devices answer there.
///
/// The machine is always in ACPI mode: there is no SMI command port, and SCI_EN reads as set. A write of ``sleepTypeOff``
/// with ``sleepEnable`` to the control register enters sleep state S5.
public enum ACPIPorts {
  /// PM1a status (16 bits) and, two bytes on, PM1a enable (ACPI 6.5 §4.8.4.1).
  public static let pm1aEvent = PortAddress(0x600)
  /// Bytes of the PM1a event block.
  public static let pm1aEventByteCount = 4
  /// PM1a control, 16 bits (ACPI 6.5 §4.8.4.2).
  public static let pm1aControl = PortAddress(0x604)
  /// Bytes of the PM1a control block.
  public static let pm1aControlByteCount = 2
  /// The reset register (ACPI 6.5 §4.8.4.6), which lies within the PCI host's ports as on a PC.
  public static let reset = PortAddress(0xCF9)
  /// The value that a guest writes to ``reset``.
  public static let resetValue: UInt8 = 6

  /// PM1 control: SCI_EN, which reads as set.
  public static let sciEnable: UInt16 = 1 << 0
  /// PM1 control: SLP_TYP, bits 12...10.
  public static let sleepTypeShift: UInt16 = 10
  /// PM1 control: SLP_EN.
  public static let sleepEnable: UInt16 = 1 << 13
  /// SLP_TYP of S5, "soft off".
  public static let sleepTypeOff: UInt16 = 5

  /// Whether `control`, written to PM1a control, powers the machine off.
  public static func isPowerOff(_ control: UInt16) -> Bool {
    control & sleepEnable != 0 && control >> sleepTypeShift & 7 == sleepTypeOff
  }
}
