import CKVM
import HostSystem
import SystemPackage
import VextProtocol

/// The structure that a vCPU shares with KVM (struct kvm_run): the reason of an exit, and its answer. The vCPU's thread alone,
/// except for ``setExitRequest(_:)``.
@safe
struct KVMRunStructure: ~Copyable {
  // SAFETY: KVM maps a kvm_run, page aligned, at the start of the mapping, which is as long as KVM says. The kernel writes to it
  // only during KVM_RUN, and only the field of the exit's reason is read.
  private let mapping: Mapping

  /// Maps the structure of the vCPU `descriptor`.
  init(of descriptor: Int32, byteCount: Int) throws(Errno) {
    guard byteCount >= MemoryLayout<kvm_run>.size else { throw .invalidArgument }
    mapping = try Mapping.shared(descriptor: descriptor, byteCount: byteCount)
  }

  private var run: UnsafeMutablePointer<kvm_run> { unsafe mapping.base.assumingMemoryBound(to: kvm_run.self) }

  /// Makes KVM_RUN return at once (immediate_exit), or undoes that. Any thread.
  func setExitRequest(_ isRequested: Bool) { unsafe ckvm_set_immediate_exit(run, isRequested ? 1 : 0) }

  /// The exit for which KVM_RUN returned.
  func exit() -> VMExit {
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
    guard offset >= 0, offset + 8 <= mapping.byteCount else { return .max }
    // SAFETY: the offset lies within the mapping.
    return unsafe mapping.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      & AddressBus.floating(byteCount)
  }

  /// Sets the answer to item `index` of a port read.
  func setPortItem(_ index: Int, byteCount: Int, value: UInt64) {
    let offset = unsafe Int(run.pointee.io.data_offset) + index * byteCount
    guard (0...8).contains(byteCount), offset >= 0, offset + byteCount <= mapping.byteCount else { return }
    unsafe withUnsafeBytes(of: value.littleEndian) { source in
      // SAFETY: the offset lies within the mapping.
      unsafe (mapping.base + offset).copyMemory(from: source.baseAddress!, byteCount: byteCount)
    }
  }

  /// Sets the answer to a memory read.
  func setMemoryResult(_ value: UInt64) {
    unsafe withUnsafeMutableBytes(of: &run.pointee.mmio.data) { target in
      unsafe target.storeBytes(of: value.littleEndian, as: UInt64.self)
    }
  }
}
