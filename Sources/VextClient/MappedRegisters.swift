import CLinux
import HostSystem
import SystemPackage
import VextProtocol

/// BAR0 of a PCI function, mapped through the function's file `resource0` in sysfs.
@safe
struct MappedRegisters: ~Copyable, Sendable {
  private let mapping: Mapping

  /// Maps the registers; `ENXIO` if the file is smaller than the registers.
  init(descriptor: Int32) throws(Errno) {
    let byteCount = try check(linux_descriptor_byte_count(descriptor))
    guard byteCount >= Int64(VextRegister.barByteCount) else { throw .noSuchAddressOrDevice }
    mapping = try Mapping.shared(descriptor: descriptor, byteCount: Int(VextRegister.barByteCount))
  }

  /// The mapped address of the register at `offset` in BAR0.
  func address(_ offset: UInt64) -> UnsafeMutableRawPointer {
    precondition(offset <= VextRegister.barByteCount - 8 && offset.isMultiple(of: 4), "a register of BAR0")
    // SAFETY: the mapping has `barByteCount` bytes.
    return unsafe mapping.base + Int(offset)
  }
}

/// Mapped registers that the device and its queues share.
final class SharedRegisters: VextRegisterAccess {
  private let registers: MappedRegisters

  init(_ registers: consuming MappedRegisters) { self.registers = registers }

  /// Starts the process of a ``DeviceGuardian``, and returns the descriptor that dismisses it.
  func startGuardian(lock: Int32, pin: Int32) throws(Errno) -> Int32 {
    // SAFETY: the register stays mapped in both processes, each of which has a mapping of its own.
    try check(unsafe linux_start_guardian(registers.address(VextRegister.reset), lock, pin))
  }

  // SAFETY: `address` returns an address in the mapping, and a register has no other user in this process.
  func load32(_ offset: UInt64) -> UInt32 { unsafe linux_register_load32(registers.address(offset)) }
  func load64(_ offset: UInt64) -> UInt64 { unsafe linux_register_load64(registers.address(offset)) }
  func store32(_ offset: UInt64, _ value: UInt32) {
    unsafe linux_register_store32(registers.address(offset), value)
  }
  func store64(_ offset: UInt64, _ value: UInt64) {
    unsafe linux_register_store64(registers.address(offset), value)
  }
}

/// The control registers of a vext device (docs/vext-protocol.md §3): BAR0, or a test's device model. Any thread.
///
/// Each access may cost a vmexit.
protocol VextRegisterAccess: Sendable {
  /// Reads a 32-bit register.
  func load32(_ offset: UInt64) -> UInt32
  /// Reads a 64-bit register.
  func load64(_ offset: UInt64) -> UInt64
  /// Writes a 32-bit register; returns when the device has carried out the write.
  func store32(_ offset: UInt64, _ value: UInt32)
  /// Writes a 64-bit register.
  func store64(_ offset: UInt64, _ value: UInt64)
}
