import Hypervisor

/// `--virtio-transport`: which interface the virtio devices have.
enum VirtioTransportOption: String, OptionChoice {
  /// virtio 1.x.
  case pci
  /// The interface before virtio 1.0 (virtio 1.2 §4.1.4.8).
  case pciLegacy = "pci-legacy"
}

extension VirtioTransportOption {
  /// The hypervisor's value.
  var transport: VirtioTransport {
    switch self {
    case .pci: .modern
    case .pciLegacy: .legacy
    }
  }
}
