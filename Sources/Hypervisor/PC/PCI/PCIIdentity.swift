/// The read-only head of a function's configuration space (PCI Local Bus 3.0 §6.2.1).
public struct PCIIdentity: Sendable {
  /// Vendor ID.
  public var vendor: UInt16
  /// Device ID.
  public var device: UInt16
  /// Base class, subclass and programming interface, in bits 23...0.
  public var classCode: UInt32
  /// Revision ID.
  public var revision: UInt8
  /// Subsystem vendor ID.
  public var subsystemVendor: UInt16
  /// Subsystem ID.
  public var subsystem: UInt16

  /// Makes an identity; the subsystem's identity is the function's own by default.
  public init(
    vendor: UInt16, device: UInt16, classCode: UInt32, revision: UInt8 = 0,
    subsystemVendor: UInt16? = nil, subsystem: UInt16? = nil
  ) {
    self.vendor = vendor
    self.device = device
    self.classCode = classCode
    self.revision = revision
    self.subsystemVendor = subsystemVendor ?? vendor
    self.subsystem = subsystem ?? device
  }
}
