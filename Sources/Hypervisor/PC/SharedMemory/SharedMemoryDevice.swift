import Synchronization

/// A PCI function whose BAR is memory that other guests have too: QEMU's ivshmem-plain (its "Device Specification for Inter-VM
/// shared memory device", revision 1), which kvmtool's shared memory device is modelled on.
///
/// ```
/// BAR0: registers of 32 bits, 256 bytes in all
///    0h  interrupt mask     read and written; nothing interrupts
///    4h  interrupt status   reads as zero, and is cleared by that
///    8h  position           reads as zero: there is no server that gives peers numbers
///    Ch  doorbell           write only; there is no peer to ring at
/// BAR2: the shared memory
/// ```
///
/// KVM maps the memory, so that an access costs no vmexit. Any thread.
public final class SharedMemoryDevice: PCIFunction {
  /// The BAR of the memory.
  public static let memoryBAR = 2
  /// The sizes in bytes that the memory can have: powers of two, aligned to which there is room among the BARs.
  public static let byteCounts: ClosedRange<UInt64> = 4096...1 << 28

  /// Whether memory of `byteCount` bytes can be a BAR.
  public static func isPossible(byteCount: UInt64) -> Bool {
    byteCounts.contains(byteCount) && byteCount.nonzeroBitCount == 1
  }

  private enum Register {
    static let interruptMask: UInt64 = 0x0
  }

  /// Identity and BARs.
  public let configuration: PCIConfigurationSpace
  /// None.
  public let notifications: [PCINotification] = []
  private let memory: SharedMemoryArea
  private let interruptMask = Atomic<UInt32>(0)

  /// Makes a function for `memory`.
  ///
  /// - Precondition: ``isPossible(byteCount:)``.
  public init(_ memory: SharedMemoryArea) {
    precondition(Self.isPossible(byteCount: memory.byteCount), "no BAR has this size")
    self.memory = memory
    configuration = PCIConfigurationSpace(
      identity: PCIIdentity(vendor: 0x1AF4, device: 0x1110, classCode: 0x05_00_00, revision: 1),
      bars: [0: 0x100, Self.memoryBAR: UInt32(memory.byteCount)])
  }

  /// The shared memory.
  public func memory(ofBAR bar: Int) -> [PCIMemoryRun] {
    bar == Self.memoryBAR ? [PCIMemoryRun(offset: 0, area: memory)] : []
  }

  /// Reads a register. The memory reads as zero here, which a guest sees where KVM could not map it.
  public func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 {
    guard bar == 0, offset == Register.interruptMask, byteCount == 4 else { return 0 }
    return UInt64(interruptMask.load(ordering: .relaxed))
  }

  /// Writes a register.
  public func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {
    guard bar == 0, offset == Register.interruptMask, byteCount == 4 else { return }
    interruptMask.store(UInt32(truncatingIfNeeded: value), ordering: .relaxed)
  }
}
