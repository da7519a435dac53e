/// The address of a PCI function of the host, such as 0000:03:00.0.
public struct HostPCIAddress: Hashable, Sendable, CustomStringConvertible {
  /// The domain, 0 on most machines.
  public let domain: UInt32
  /// The bus.
  public let bus: UInt8
  /// The device on the bus, below 32.
  public let device: UInt8
  /// The function of the device, below 8.
  public let function: UInt8

  /// Reads `[DOMAIN:]BUS:DEVICE.FUNCTION`, hexadecimal numbers as lspci prints them; nil for anything else.
  public init?(parsing text: String) {
    let places = text.split(separator: ":", omittingEmptySubsequences: false)
    guard places.count == 2 || places.count == 3, let last = places.last else { return nil }
    let parts = last.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let device = Self.number(parts[0], digitLimit: 2), device < 32,
      let function = Self.number(parts[1], digitLimit: 1), function < 8,
      let bus = Self.number(places[places.count - 2], digitLimit: 2),
      let domain = places.count == 3 ? Self.number(places[0], digitLimit: 8) : 0
    else { return nil }
    self.domain = domain
    self.bus = UInt8(truncatingIfNeeded: bus)
    self.device = UInt8(truncatingIfNeeded: device)
    self.function = UInt8(truncatingIfNeeded: function)
  }

  private static func number(_ text: Substring, digitLimit: Int) -> UInt32? {
    // The conversion takes signs too.
    guard (1...digitLimit).contains(text.utf8.count), text.allSatisfy({ $0.isASCII && $0.isHexDigit })
    else { return nil }
    return UInt32(text, radix: 16)
  }

  /// The address as sysfs and lspci -D write it.
  public var description: String {
    "\(Self.digits(domain, 4)):\(Self.digits(bus, 2)):\(Self.digits(device, 2)).\(function)"
  }

  private static func digits(_ number: some BinaryInteger, _ count: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
  }
}
