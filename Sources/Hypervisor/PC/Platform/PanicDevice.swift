/// The pvpanic device as a PCI function, by which a guest's kernel reports a panic (QEMU docs/specs/pvpanic.rst). Any
/// vCPU thread.
public final class PanicDevice: PCIFunction {
  /// Events, which are the bits of the one register.
  private enum Event {
    static let panicked: UInt64 = 1 << 0
    /// A crash kernel is loaded and will run.
    static let crashKernelLoaded: UInt64 = 1 << 1
  }

  private static let registerBAR = 0
  private static let identity = PCIIdentity(vendor: 0x1B36, device: 0x0011, classCode: 0x08_80_00)

  /// The configuration space.
  public let configuration = PCIConfigurationSpace(
    identity: PanicDevice.identity, bars: [PanicDevice.registerBAR: 16])
  private let end: MachineEndLatch
  private let panicked: @Sendable () -> Void

  /// Makes a device that ends the machine through `end`.
  ///
  /// - Parameter panicked: ends the machine when the kernel has printed its last lines; nil: it ends at once.
  public init(end: MachineEndLatch, panicked: (@Sendable () -> Void)? = nil) {
    self.end = end
    self.panicked = panicked ?? { end.end(.panicked) }
  }

  /// No notifications, because events are rare.
  public var notifications: [PCINotification] { [] }

  /// Returns the events that the device supports.
  public func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 {
    bar == Self.registerBAR && offset == 0 ? Event.panicked | Event.crashKernelLoaded : 0
  }

  /// Handles an event; ignores unknown ones.
  public func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {
    guard bar == Self.registerBAR, offset == 0 else { return }
    guard value & Event.panicked != 0 else { return }
    end.notePanic()
    panicked()
  }
}
