/// A device behind the PCI host: one function with its own slot.
///
/// vCPU threads call it, several at the same time; the function does its own locking.
public protocol PCIFunction: AnyObject, Sendable {
  /// The configuration space, capabilities and BARs included.
  var configuration: PCIConfigurationSpace { get }

  /// Places in the BARs at which KVM turns writes into eventfd signals, without a return to user space.
  var notifications: [PCINotification] { get }

  /// Answers a read of 1, 2, 4 or 8 bytes within BAR `bar`; an offset without a register reads as zero.
  func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64

  /// Handles a write of 1, 2, 4 or 8 bytes within BAR `bar`; ignores an offset without a register.
  func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64)

  /// The parts of BAR `bar` that are memory, which the guest reaches without a vmexit; none for registers.
  func memory(ofBAR bar: Int) -> [PCIMemoryRun]

  /// Answers a read of 1, 2 or 4 bytes of configuration space.
  ///
  /// A function implements it if its registers there do more than hold a value.
  func readConfiguration(_ offset: Int, byteCount: Int) -> UInt32

  /// Handles a write of 1, 2 or 4 bytes to configuration space, one at a time.
  func writeConfiguration(_ offset: Int, byteCount: Int, value: UInt32)
}

extension PCIFunction {
  /// No memory.
  public func memory(ofBAR bar: Int) -> [PCIMemoryRun] { [] }

  /// Reads ``configuration``.
  public func readConfiguration(_ offset: Int, byteCount: Int) -> UInt32 {
    configuration.read(offset, byteCount: byteCount)
  }

  /// Writes ``configuration``.
  public func writeConfiguration(_ offset: Int, byteCount: Int, value: UInt32) {
    configuration.write(offset, byteCount: byteCount, value: value)
  }
}

/// A part of a BAR that is memory of this process.
public struct PCIMemoryRun: Sendable {
  /// Its offset in the BAR, a multiple of the page size.
  public var offset: UInt64
  /// The memory.
  public var area: any HostMemoryArea

  /// Describes memory at `offset` bytes into a BAR.
  public init(offset: UInt64, area: any HostMemoryArea) {
    self.offset = offset
    self.area = area
  }
}
