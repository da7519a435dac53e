/// Feature bits that do not belong to one device type (virtio 1.2 §6).
public struct VirtioFeatures: OptionSet, Hashable, Sendable {
  /// The bits, 0 to 63.
  public let rawValue: UInt64
  /// Wraps `rawValue`.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// VIRTIO_F_ANY_LAYOUT: the parts of a request may be in any descriptors. Legacy interface only; ``version1`` implies
  /// it.
  public static let anyLayout = VirtioFeatures(rawValue: 1 << 27)
  /// VIRTIO_F_INDIRECT_DESC: a descriptor may name a table of descriptors.
  public static let indirectDescriptors = VirtioFeatures(rawValue: 1 << 28)
  /// VIRTIO_F_EVENT_IDX: each side names the index at which it wants a notification.
  public static let eventIndex = VirtioFeatures(rawValue: 1 << 29)
  /// VIRTIO_F_VERSION_1: the driver knows more than the legacy interface.
  public static let version1 = VirtioFeatures(rawValue: 1 << 32)

  /// The bits that the legacy interface can negotiate.
  static let legacyBits = VirtioFeatures(rawValue: 0xFFFF_FFFF)
}
