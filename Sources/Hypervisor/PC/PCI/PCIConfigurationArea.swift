/// The memory-mapped view of bus 0's configuration space: 4 KiB for each function (PCI Express Base 3.0 §7.2.2).
final class PCIConfigurationArea: BusDevice {
  private let host: PCIHost

  init(host: PCIHost) { self.host = host }

  func read(offset: UInt64, byteCount: Int) -> UInt64 {
    guard let (slot, register) = Self.target(offset) else { return .max }
    return host.readConfiguration(slot: slot, register: register, byteCount: byteCount)
  }

  func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard let (slot, register) = Self.target(offset) else { return }
    host.writeConfiguration(slot: slot, register: register, byteCount: byteCount, value: value)
  }

  /// Bits 19...15 are the device, 14...12 the function; each device has only function 0.
  private static func target(_ offset: UInt64) -> (slot: Int, register: Int)? {
    guard offset < PCIHost.configurationAreaByteCount, offset >> 12 & 7 == 0 else { return nil }
    return (Int(offset >> 15), Int(offset & 0xFFF))
  }
}
