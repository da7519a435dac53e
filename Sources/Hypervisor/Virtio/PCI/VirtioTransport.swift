/// The two PCI interfaces of virtio.
public enum VirtioTransport: String, CaseIterable, Sendable {
  /// virtio 1.x: structures in a memory BAR, found through capabilities (virtio 1.2 §4.1).
  case modern = "pci"
  /// virtio 0.9.5: registers in a port BAR (virtio 1.2 §4.1.4.10).
  case legacy = "pci-legacy"
}
