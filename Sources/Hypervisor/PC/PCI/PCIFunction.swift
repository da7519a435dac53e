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

  /// Answers a read of 1, 2 or 4 bytes of configuration space. A function whose registers there do more than hold a
  /// value has its own.
  func readConfiguration(_ offset: Int, byteCount: Int) -> UInt32

  /// Takes a write of 1, 2 or 4 bytes to configuration space, one at a time.
  func writeConfiguration(_ offset: Int, byteCount: Int, value: UInt32)
}

extension PCIFunction {
  /// Reads ``configuration``.
  public func readConfiguration(_ offset: Int, byteCount: Int) -> UInt32 {
    configuration.read(offset, byteCount: byteCount)
  }

  /// Writes ``configuration``.
  public func writeConfiguration(_ offset: Int, byteCount: Int, value: UInt32) {
    configuration.write(offset, byteCount: byteCount, value: value)
  }
}
