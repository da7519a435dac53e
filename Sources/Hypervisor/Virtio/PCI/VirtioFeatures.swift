/// Feature bits that do not belong to one device type (virtio 1.2 §6).
public struct VirtioFeatures: OptionSet, Hashable, Sendable {
  /// The bits, 0 to 63.
  public let rawValue: UInt64
  /// Wraps `rawValue`.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// VIRTIO_F_ANY_LAYOUT: the device takes a request's parts in any descriptors. Legacy interface alone; with
  /// ``version1`` it goes without saying.
  public static let anyLayout = VirtioFeatures(rawValue: 1 << 27)
  /// VIRTIO_F_INDIRECT_DESC: a descriptor may name a table of descriptors.
  public static let indirectDescriptors = VirtioFeatures(rawValue: 1 << 28)
  /// VIRTIO_F_EVENT_IDX: each side tells the index at which it wants to hear from the other.
  public static let eventIndex = VirtioFeatures(rawValue: 1 << 29)
  /// VIRTIO_F_VERSION_1: the driver knows more than the legacy interface.
  public static let version1 = VirtioFeatures(rawValue: 1 << 32)

  /// All that the legacy interface can negotiate.
  static let legacyBits = VirtioFeatures(rawValue: 0xFFFF_FFFF)
}
