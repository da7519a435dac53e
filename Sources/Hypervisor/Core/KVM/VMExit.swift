public import VextProtocol

/// The reason why KVM_RUN returned to user space (KVM API §5, struct kvm_run).
public enum VMExit: Equatable, Sendable {
  /// A port access: `count` items of `byteCount` bytes each, in the run structure's data area.
  case port(PortAddress, byteCount: Int, count: Int, isWrite: Bool)
  /// An access to a guest-physical address without RAM.
  case memory(GuestAddress, byteCount: Int, isWrite: Bool, value: UInt64)
  /// HLT without an in-kernel interrupt chip.
  case halt
  /// The guest executed one instruction under single-stepping; the address is that of the next one.
  case debug(instruction: UInt64)
  /// Triple fault.
  case shutdown
  /// A signal, or immediate_exit, ended the run.
  case interrupted
  /// The processor refused the guest's state at VM entry.
  case failedEntry(reason: UInt64)
  /// KVM could not go on, for example because it cannot emulate an instruction.
  case internalError(suberror: UInt32, data: [UInt64])
  /// The guest asked for a system event, such as a reset.
  case systemEvent(type: UInt32)
  /// Any other exit reason.
  case unknown(reason: UInt32)
}
