/// Advice about devices that a guest did not use.
enum GuestAdvice {
  /// The option that a Linux kernel is built with to drive virtio devices of an ID (virtio 1.2 §5).
  static func option(forDeviceID id: UInt16) -> String {
    switch id {
    case 1: "network card (CONFIG_VIRTIO_NET)"
    case 2: "disk (CONFIG_VIRTIO_BLK)"
    case 3: "console (CONFIG_VIRTIO_CONSOLE)"
    case 4: "entropy device (CONFIG_HW_RANDOM_VIRTIO)"
    case 5: "memory balloon (CONFIG_VIRTIO_BALLOON)"
    case 9: "shared folder (CONFIG_NET_9P_VIRTIO)"
    default: "virtio device \(id)"
    }
  }
}
