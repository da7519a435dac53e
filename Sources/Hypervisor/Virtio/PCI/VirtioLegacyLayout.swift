/// The legacy interface's numbers (virtio 1.2 §4.1.2.3, §4.1.4.10).
enum VirtioLegacyLayout {
  /// The BAR of the registers, and its ports.
  static let registersBAR = 0
  static let registersByteCount: UInt32 = 256

  /// §4.1.4.10: offsets in the BAR.
  enum Register {
    /// 32 bits, read-only.
    static let deviceFeatures: UInt64 = 0
    /// 32 bits.
    static let driverFeatures: UInt64 = 4
    /// 32 bits: the number of the queue's first page, 0 for none.
    static let queuePage: UInt64 = 8
    /// 16 bits, read-only.
    static let queueSize: UInt64 = 12
    /// 16 bits.
    static let queueSelect: UInt64 = 14
    /// 16 bits: the number of the queue that is notified.
    static let queueNotify: UInt64 = 16
    /// 8 bits.
    static let deviceStatus: UInt64 = 18
    /// 8 bits; reading clears it.
    static let isr: UInt64 = 19
    /// 16 bits, while MSI-X is enabled.
    static let configurationVector: UInt64 = 20
    /// 16 bits, while MSI-X is enabled.
    static let queueVector: UInt64 = 22
  }

  /// Width of the notify register in bytes.
  static let notifyByteCount = 2

  /// Offset of the device-specific configuration.
  static func configurationOffset(usesMessages: Bool) -> UInt64 {
    usesMessages ? Register.queueVector + 2 : Register.configurationVector
  }

  /// §4.1.2.1, table of transitional devices: the PCI device ID of virtio device ID `deviceID`; nil for a type that is
  /// newer than the legacy interface.
  static func pciDevice(of deviceID: UInt16) -> UInt16? {
    switch deviceID {
    case 1: 0x1000  // network
    case 2: 0x1001  // block
    case 3: 0x1003  // console
    case 4: 0x1005  // entropy
    case 5: 0x1002  // memory balloon
    case 8: 0x1004  // SCSI
    case 9: 0x1009  // 9P
    default: nil
    }
  }
}
