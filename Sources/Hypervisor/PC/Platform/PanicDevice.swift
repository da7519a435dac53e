/// The pvpanic device as a PCI function (QEMU docs/specs/pvpanic.rst): a guest's kernel says here that it panicked.
/// Any vCPU thread.
public final class PanicDevice: PCIFunction {
  /// Events, which are the bits of the one register.
  private enum Event {
    static let panicked: UInt64 = 1 << 0
    /// A crash kernel takes over, and wants to run.
    static let crashKernelLoaded: UInt64 = 1 << 1
  }

  private static let registerBAR = 0
  private static let identity = PCIIdentity(vendor: 0x1B36, device: 0x0011, classCode: 0x08_80_00)

  /// The configuration space.
  public let configuration = PCIConfigurationSpace(
    identity: PanicDevice.identity, bars: [PanicDevice.registerBAR: 16])
  private let end: MachineEndLatch

  /// A device that ends the machine through `end`.
  public init(end: MachineEndLatch) { self.end = end }

  /// None: events are rare.
  public var notifications: [PCINotification] { [] }

  /// The events that the device understands.
  public func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 {
    bar == Self.registerBAR && offset == 0 ? Event.panicked | Event.crashKernelLoaded : 0
  }

  /// Takes an event; unknown ones are ignored.
  public func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {
    guard bar == Self.registerBAR, offset == 0 else { return }
    if value & Event.panicked != 0 { end.end(.panicked) }
  }
}
