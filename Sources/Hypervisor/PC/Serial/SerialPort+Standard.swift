extension SerialPort {
  /// The ports and interrupt line of a PC's serial port.
  public struct Location: Hashable, Sendable {
    /// The first port.
    public let base: PortAddress
    /// Its interrupt line; two ports share one.
    public let irq: UInt32

    /// COM1, ttyS0.
    public static let com1 = Location(base: PortAddress(0x3F8), irq: 4)
    /// COM2, ttyS1.
    public static let com2 = Location(base: PortAddress(0x2F8), irq: 3)
    /// COM3, ttyS2.
    public static let com3 = Location(base: PortAddress(0x3E8), irq: 4)
    /// COM4, ttyS3.
    public static let com4 = Location(base: PortAddress(0x2E8), irq: 3)
    /// All four, in the order of their numbers.
    public static let all = [com1, com2, com3, com4]
  }
}
