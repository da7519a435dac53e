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
  private let run: KVMRunStructure
  let cpuid: CPUIDTable

  /// Makes a vCPU whose CPUID leaves are `cpuid`.
  init(
    index: Int, descriptor: consuming OwnedDescriptor, runByteCount: Int, cpuid: CPUIDTable
  ) throws(KVMError) {
    var cpuid = cpuid
    try kvmResult("KVM_SET_CPUID2", KVMCall.make(descriptor.rawValue, CKVM_SET_CPUID2, &cpuid.table))
    do throws(Errno) { run = try KVMRunStructure(of: descriptor.rawValue, byteCount: runByteCount) } catch {
      throw .failed(request: "mmap of the run structure", error)
    }
    self.index = index
    self.descriptor = descriptor
    self.cpuid = cpuid
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
    try kvmResult("KVM_GET_REGS", KVMCall.make(descriptor.rawValue, CKVM_GET_REGS, &registers))
    return registers
  }

  /// Sets the general registers.
  public func setRegisters(_ registers: kvm_regs) throws(KVMError) {
    var registers = registers
    try kvmResult("KVM_SET_REGS", KVMCall.make(descriptor.rawValue, CKVM_SET_REGS, &registers))
  }

  /// Returns the segment and control registers.
  public func specialRegisters() throws(KVMError) -> kvm_sregs {
    var registers = kvm_sregs()
    try kvmResult("KVM_GET_SREGS", KVMCall.make(descriptor.rawValue, CKVM_GET_SREGS, &registers))
    return registers
  }

  /// Sets the segment and control registers.
  public func setSpecialRegisters(_ registers: kvm_sregs) throws(KVMError) {
    var registers = registers
    try kvmResult("KVM_SET_SREGS", KVMCall.make(descriptor.rawValue, CKVM_SET_SREGS, &registers))
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
    try kvmResult("KVM_SET_XCRS", KVMCall.make(descriptor.rawValue, CKVM_SET_XCRS, &registers))
  }

  /// Software-enables the local APIC with `spuriousVector` (Intel SDM vol. 3A §11.9).
  func enableLocalAPIC(spuriousVector: UInt8) throws(KVMError) {
    try updateLocalAPIC { $0[0xF0 / 4] = 0x100 | UInt32(spuriousVector) }
  }

  /// Changes registers of the local APIC, which are indexed by their offset divided by 4.
  func updateLocalAPIC(_ change: (inout [UInt32]) -> Void) throws(KVMError) {
    var registers = [UInt32](repeating: 0, count: MemoryLayout<kvm_lapic_state>.size / 4)
    try kvmResult("KVM_GET_LAPIC", KVMCall.make(descriptor.rawValue, CKVM_GET_LAPIC, &registers))
    change(&registers)
    try kvmResult("KVM_SET_LAPIC", KVMCall.make(descriptor.rawValue, CKVM_SET_LAPIC, &registers))
  }

  /// Lets the vCPU run at once instead of waiting for a start-up message (KVM API §4.39).
  func setRunnable() throws(KVMError) {
    var state = kvm_mp_state(mp_state: UInt32(KVM_MP_STATE_RUNNABLE))
    try kvmResult(
      "KVM_SET_MP_STATE", KVMCall.make(descriptor.rawValue, CKVM_SET_MP_STATE, &state))
  }

  /// Makes the current run, or else the next one, return as ``VMExit/interrupted``.
  ///
  /// The caller must also interrupt the vCPU's thread if it may be in the kernel.
  public func requestExit() { run.setExitRequest(true) }

  /// Undoes ``requestExit()``; the caller must check for requests afterwards. The vCPU thread only.
  func clearExitRequest() { run.setExitRequest(false) }

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
    return run.exit()
  }

  /// Returns item `index` of a port exit's data.
  func portItem(_ index: Int, byteCount: Int) -> UInt64 { run.portItem(index, byteCount: byteCount) }

  /// Sets the answer to item `index` of a port read.
  func setPortItem(_ index: Int, byteCount: Int, value: UInt64) {
    run.setPortItem(index, byteCount: byteCount, value: value)
  }

  /// Sets the answer to a memory read.
  func setMemoryResult(_ value: UInt64) { run.setMemoryResult(value) }
}
