/// The device status field (virtio 1.2 §2.1).
public struct VirtioDeviceStatus: OptionSet, Hashable, Sendable {
  /// The bits of the register.
  public let rawValue: UInt8
  /// Wraps `rawValue`.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The driver found the device.
  public static let acknowledge = VirtioDeviceStatus(rawValue: 1)
  /// The driver knows how to drive the device.
  public static let driver = VirtioDeviceStatus(rawValue: 2)
  /// The driver is set up: the device serves its queues.
  public static let driverOK = VirtioDeviceStatus(rawValue: 4)
  /// The features are agreed upon.
  public static let featuresOK = VirtioDeviceStatus(rawValue: 8)
  /// The device has an error that only a reset ends.
  public static let deviceNeedsReset = VirtioDeviceStatus(rawValue: 64)
  /// The driver gave up.
  public static let failed = VirtioDeviceStatus(rawValue: 128)

  /// The bits that a driver may set.
  static let settable: VirtioDeviceStatus = [.acknowledge, .driver, .driverOK, .featuresOK, .failed]
}
