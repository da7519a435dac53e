/// The host bridge in slot 0: an identity by which operating systems detect configuration mechanism 1.
final class PCIHostBridge: PCIFunction {
  /// A generic host bridge of the PCI ID repository's; class 0600h.
  let configuration = PCIConfigurationSpace(
    identity: PCIIdentity(vendor: 0x1B36, device: 0x0008, classCode: 0x06_00_00), bars: [:])
  let notifications: [PCINotification] = []

  func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 { 0 }

  func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {}
}
