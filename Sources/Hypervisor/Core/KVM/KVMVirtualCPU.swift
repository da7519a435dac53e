import CKVM
import HostSystem
import SystemPackage
import VextProtocol

/// A virtual CPU of KVM. Its vCPU thread owns it; only ``requestExit()`` may be called by any thread.
///
/// Every other call would block until KVM_RUN returns. Other threads make these calls before the vCPU's thread starts, or
/// through `VCPURunner/perform(_:)`.
public final class KVMVirtualCPU: @unchecked Sendable {
  /// The vCPU's number, which is also its local APIC's ID.
  public let index: Int
  let descriptor: OwnedDescriptor
  private let runMapping: Mapping
  let cpuid: CPUIDTable

  /// Makes a vCPU whose CPUID leaves are `cpuid`.
  init(
    index: Int, descriptor: consuming OwnedDescriptor, runByteCount: Int, cpuid: CPUIDTable
  ) throws(KVMError) {
    var cpuid = cpuid
    let result = unsafe cpuid.withUnsafeTable {
      unsafe ckvm_ioctl_pointer(descriptor.rawValue, CKVM_SET_CPUID2, $0)
    }
    try kvmResult("KVM_SET_CPUID2", result)
    do { runMapping = try Mapping.shared(descriptor: descriptor.rawValue, byteCount: runByteCount) } catch {
      throw .failed(request: "mmap of the run structure", error)
    }
    self.index = index
    self.descriptor = descriptor
    self.cpuid = cpuid
  }

  private var run: UnsafeMutablePointer<kvm_run> {
    // SAFETY: KVM maps a kvm_run, page aligned, at the start of the mapping.
    unsafe runMapping.base.assumingMemoryBound(to: kvm_run.self)
  }

  /// The guest's TSC frequency in ticks per millisecond.
  public var tscKilohertz: UInt64 {
    get throws(KVMError) {
      UInt64(try kvmResult("KVM_GET_TSC_KHZ", ckvm_ioctl(descriptor.rawValue, CKVM_GET_TSC_KHZ, 0)))
    }
  }

  /// Opens the vCPU's binary statistics (KVM API §4.133).
  public func makeStatistics() throws(KVMError) -> KVMStatistics {
    let result = try kvmResult("KVM_GET_STATS_FD", ckvm_ioctl(descriptor.rawValue, CKVM_GET_STATS_FD, 0))
    return try KVMStatistics(descriptor: OwnedDescriptor(adopting: result))
  }

  /// Returns the general registers.
  public func registers() throws(KVMError) -> kvm_regs {
    var registers = kvm_regs()
    try kvmResult("KVM_GET_REGS", unsafe ckvm_ioctl_pointer(descriptor.rawValue, CKVM_GET_REGS, &registers))
    return registers
  }

  /// Sets the general registers.
  public func setRegisters(_ registers: kvm_regs) throws(KVMError) {
    var registers = registers
    try kvmResult("KVM_SET_REGS", unsafe ckvm_ioctl_pointer(descriptor.rawValue, CKVM_SET_REGS, &registers))
  }

  /// Returns the segment and control registers.
  public func specialRegisters() throws(KVMError) -> kvm_sregs {
    var registers = kvm_sregs()
    try kvmResult("KVM_GET_SREGS", unsafe ckvm_ioctl_pointer(descriptor.rawValue, CKVM_GET_SREGS, &registers))
    return registers
  }

  /// Sets the segment and control registers.
  public func setSpecialRegisters(_ registers: kvm_sregs) throws(KVMError) {
    var registers = registers
    try kvmResult("KVM_SET_SREGS", unsafe ckvm_ioctl_pointer(descriptor.rawValue, CKVM_SET_SREGS, &registers))
  }

  /// Whether the vCPU has XSAVE, and with it CR4.OSXSAVE and XCR0 (Intel SDM vol. 2A, CPUID leaf 1, ECX bit 26).
  var hasXSAVE: Bool {
    cpuid.leaves.contains { $0.function == 1 && $0.ecx & 1 << 26 != 0 }
  }

  /// Enables x87, SSE and, if the CPU has it, AVX state (XCR0). Needs XSAVE.
  func enableVectorState() throws(KVMError) {
    var supported: UInt64 = 3
    var table = cpuid
    table.updateEach { entry in
      if entry.function == 0xD, entry.index == 0 { supported = UInt64(entry.eax) }
    }
    var registers = kvm_xcrs()
    registers.nr_xcrs = 1
    registers.xcrs.0.xcr = 0
    registers.xcrs.0.value = supported & 7 == 7 ? 7 : 3
    try kvmResult("KVM_SET_XCRS", unsafe ckvm_ioctl_pointer(descriptor.rawValue, CKVM_SET_XCRS, &registers))
  }

  /// Software-enables the local APIC with `spuriousVector` (Intel SDM vol. 3A §11.9).
  func enableLocalAPIC(spuriousVector: UInt8) throws(KVMError) {
    var state = kvm_lapic_state()
    try kvmResult("KVM_GET_LAPIC", unsafe ckvm_ioctl_pointer(descriptor.rawValue, CKVM_GET_LAPIC, &state))
    unsafe withUnsafeMutableBytes(of: &state) { registers in
      unsafe registers.storeBytes(of: 0x100 | UInt32(spuriousVector), toByteOffset: 0xF0, as: UInt32.self)
    }
    try kvmResult("KVM_SET_LAPIC", unsafe ckvm_ioctl_pointer(descriptor.rawValue, CKVM_SET_LAPIC, &state))
  }

  /// Lets the vCPU run at once instead of waiting for a start-up message (KVM API §4.39).
  func setRunnable() throws(KVMError) {
    var state = kvm_mp_state(mp_state: UInt32(KVM_MP_STATE_RUNNABLE))
    try kvmResult(
      "KVM_SET_MP_STATE", unsafe ckvm_ioctl_pointer(descriptor.rawValue, CKVM_SET_MP_STATE, &state))
  }

  /// Makes the current run, or else the next one, return as ``VMExit/interrupted``.
  ///
  /// The caller must also interrupt the vCPU's thread if it may be in the kernel.
  public func requestExit() { unsafe ckvm_set_immediate_exit(run, 1) }

  /// Undoes ``requestExit()``; the caller must check for requests afterwards. The vCPU thread only.
  func clearExitRequest() { unsafe ckvm_set_immediate_exit(run, 0) }

  /// Runs the guest until an exit to user space. The vCPU thread only.
  func runOnce() throws(KVMError) -> VMExit {
    let result = ckvm_ioctl(descriptor.rawValue, CKVM_RUN, 0)
    if result < 0 {
      let error = Errno(rawValue: -result)
      guard error == .interrupted || error == .resourceTemporarilyUnavailable else {
        throw .failed(request: "KVM_RUN", error)
      }
      return .interrupted
    }
    let run = unsafe run
    switch Int32(bitPattern: unsafe run.pointee.exit_reason) {
    case KVM_EXIT_IO:
      let io = unsafe run.pointee.io
      return .port(
        PortAddress(io.port), byteCount: Int(io.size), count: Int(io.count),
        isWrite: Int32(io.direction) == KVM_EXIT_IO_OUT)
    case KVM_EXIT_MMIO:
      let mmio = unsafe run.pointee.mmio
      let value = unsafe withUnsafeBytes(of: mmio.data) { unsafe $0.loadUnaligned(as: UInt64.self) }
      return .memory(
        GuestAddress(mmio.phys_addr), byteCount: Int(min(mmio.len, 8)), isWrite: mmio.is_write != 0,
        value: value & AddressBus.floating(Int(min(mmio.len, 8))))
    case KVM_EXIT_HLT: return .halt
    case KVM_EXIT_DEBUG: return unsafe .debug(instruction: run.pointee.debug.arch.pc)
    case KVM_EXIT_SHUTDOWN: return .shutdown
    case KVM_EXIT_INTR: return .interrupted
    case KVM_EXIT_FAIL_ENTRY:
      return unsafe .failedEntry(reason: run.pointee.fail_entry.hardware_entry_failure_reason)
    case KVM_EXIT_INTERNAL_ERROR:
      let error = unsafe run.pointee.internal
      let data = unsafe withUnsafeBytes(of: error.data) { unsafe Array($0.bindMemory(to: UInt64.self)) }
      return .internalError(suberror: error.suberror, data: Array(data.prefix(Int(error.ndata))))
    case KVM_EXIT_SYSTEM_EVENT: return unsafe .systemEvent(type: run.pointee.system_event.type)
    default: return unsafe .unknown(reason: run.pointee.exit_reason)
    }
  }

  /// Returns item `index` of a port exit's data.
  func portItem(_ index: Int, byteCount: Int) -> UInt64 {
    let offset = unsafe Int(run.pointee.io.data_offset) + index * byteCount
    guard offset >= 0, offset + 8 <= runMapping.byteCount else { return .max }
    // SAFETY: the offset lies within the mapping.
    return unsafe runMapping.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      & AddressBus.floating(byteCount)
  }

  /// Sets the answer to item `index` of a port read.
  func setPortItem(_ index: Int, byteCount: Int, value: UInt64) {
    let offset = unsafe Int(run.pointee.io.data_offset) + index * byteCount
    guard offset >= 0, offset + byteCount <= runMapping.byteCount else { return }
    unsafe withUnsafeBytes(of: value.littleEndian) { source in
      // SAFETY: the offset lies within the mapping.
      unsafe (runMapping.base + offset).copyMemory(from: source.baseAddress!, byteCount: byteCount)
    }
  }

  /// Sets the answer to a memory read.
  func setMemoryResult(_ value: UInt64) {
    unsafe withUnsafeMutableBytes(of: &run.pointee.mmio.data) { target in
      unsafe target.storeBytes(of: value.littleEndian, as: UInt64.self)
    }
  }
}
