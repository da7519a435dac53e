/// The host bridge as a function of its own bus: it does nothing, but kernels that find neither a bridge nor a display
/// on bus 0 take the PCI host for absent.
///
/// Plugged in first, into slot 0. No thread waits in it.
public final class PCIHostBridge: PCIFunction {
  /// Class 06h, subclass 00h; without registers.
  public let configuration = PCIConfigurationSpace(
    identity: PCIIdentity(vendor: 0x8086, device: 0x0D57, classCode: 0x06_00_00), bars: [:])

  /// A bridge.
  public init() {}

  /// None: it has no BAR.
  public var notifications: [PCINotification] { [] }

  /// Zero: it has no BAR.
  public func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 { 0 }

  /// Nothing: it has no BAR.
  public func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {}
}
