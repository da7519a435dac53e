/// The layout of the BARs and of configuration space (virtio 1.2 §4.1).
enum VirtioPCILayout {
  /// §4.1.2: the vendor of every virtio device.
  static let vendor: UInt16 = 0x1AF4
  /// §4.1.2: the PCI device ID is this plus the virtio device ID.
  static let firstDevice: UInt16 = 0x1040
  /// §4.1.2.1: a device without the legacy interface has a revision of at least 1.
  static let revision: UInt8 = 1

  /// The BAR of all structures except MSI-X, and its size.
  static let structuresBAR = 0
  static let structuresByteCount: UInt32 = 0x8000
  static let msixBAR = 4

  static let commonOffset: UInt64 = 0x0000
  static let commonByteCount: UInt64 = 0x38
  static let isrOffset: UInt64 = 0x1000
  static let deviceOffset: UInt64 = 0x2000
  static let deviceByteCount: UInt64 = 0x1000
  static let notifyOffset: UInt64 = 0x3000
  /// Distance in bytes between the notification addresses of two queues.
  static let notifyMultiplier: UInt64 = 4

  /// §4.1.4: the kinds of capabilities.
  private enum CapabilityType {
    static let common: UInt8 = 1
    static let notify: UInt8 = 2
    static let isr: UInt8 = 3
    static let device: UInt8 = 4
    static let configurationAccess: UInt8 = 5
  }

  /// §4.1.4.9: offsets in the capability that gives access to the BAR, from its start.
  enum ConfigurationAccess {
    static let bar = 4
    static let offset = 8
    static let length = 12
    static let data = 16
  }

  /// §4.1.4.3: offsets in the common configuration structure.
  enum Common {
    static let deviceFeatureSelect: UInt64 = 0x00
    static let deviceFeature: UInt64 = 0x04
    static let driverFeatureSelect: UInt64 = 0x08
    static let driverFeature: UInt64 = 0x0C
    /// 16 bits; num_queues is the upper half of the word.
    static let configurationVector: UInt64 = 0x10
    /// 8 bits; config_generation comes next.
    static let deviceStatus: UInt64 = 0x14
    static let queueSelect: UInt64 = 0x16
    static let queueSize: UInt64 = 0x18
    static let queueVector: UInt64 = 0x1A
    /// 16 bits; queue_notify_off is the upper half of the word.
    static let queueEnable: UInt64 = 0x1C
    /// The addresses: 64 bits each, or two halves.
    static let queueDescriptorTable: UInt64 = 0x20
    static let queueAvailableRing: UInt64 = 0x28
    static let queueUsedRing: UInt64 = 0x30
  }

  /// The vendor-specific capabilities; the one for access to the BAR is the last.
  static func capabilities(queueCount: Int) -> [PCICapability] {
    let notifyByteCount = UInt64(queueCount) * notifyMultiplier
    return [
      capability(CapabilityType.common, offset: commonOffset, byteCount: commonByteCount),
      capability(
        CapabilityType.notify, offset: notifyOffset, byteCount: notifyByteCount,
        extra: bytes(UInt32(notifyMultiplier))),
      capability(CapabilityType.isr, offset: isrOffset, byteCount: 1),
      capability(CapabilityType.device, offset: deviceOffset, byteCount: deviceByteCount),
      // The driver fills in the fields from the BAR number on.
      capability(
        CapabilityType.configurationAccess, offset: 0, byteCount: 0, extra: bytes(0),
        writable: ConfigurationAccess.bar - 2..<ConfigurationAccess.data + 2),
    ]
  }

  /// struct virtio_pci_cap behind its ID and link: length, type, BAR, ID, padding, offset and length in the BAR.
  private static func capability(
    _ type: UInt8, offset: UInt64, byteCount: UInt64, extra: [UInt8] = [], writable: Range<Int> = 0..<0
  ) -> PCICapability {
    PCICapability(
      body: [UInt8(16 + extra.count), type, UInt8(structuresBAR), 0, 0, 0] + bytes(UInt32(offset))
        + bytes(UInt32(byteCount)) + extra,
      writable: writable)
  }

  private static func bytes(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) }
  }
}
