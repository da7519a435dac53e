/// A device behind the PCI host: one function of its own slot.
///
/// vCPU threads call it, several at a time; the function does its own locking.
public protocol PCIFunction: AnyObject, Sendable {
  /// The configuration space, capabilities and BARs included.
  var configuration: PCIConfigurationSpace { get }

  /// Places in the BARs whose writes KVM turns into eventfd signals, without a return to user space.
  var notifications: [PCINotification] { get }

  /// Answers a read of 1, 2, 4 or 8 bytes within BAR `bar`; what is not there reads as zero.
  func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64

  /// Takes a write of 1, 2, 4 or 8 bytes within BAR `bar`; what is not there ignores it.
  func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64)
}

/// A write that becomes an eventfd signal (KVM_IOEVENTFD).
public struct PCINotification: Sendable {
  /// The BAR that it lies in.
  public var bar: Int
  /// Where in the BAR, in bytes.
  public var offset: UInt64
  /// The eventfd; its owner keeps it open as long as the function is plugged in.
  public var eventDescriptor: Int32

  /// A notification at `offset` of BAR `bar`, for writes of any length and value.
  public init(bar: Int, offset: UInt64, eventDescriptor: Int32) {
    self.bar = bar
    self.offset = offset
    self.eventDescriptor = eventDescriptor
  }
}
