import CKVM
import HostSystem
import SystemPackage

/// Operations for pausing and debugging. The vCPU's thread only, or any thread while that does not run.
extension KVMVirtualCPU {
  /// Queues a non-maskable interrupt (KVM API §4.64).
  func injectNMI() throws(KVMError) {
    try kvmResult("KVM_NMI", ckvm_ioctl(descriptor.rawValue, CKVM_NMI, 0))
  }

  /// Makes each instruction exit as ``VMExit/debug(instruction:)`` (KVM API §4.87).
  func enableSingleStep() throws(KVMError) {
    var debug = kvm_guest_debug()
    debug.control = UInt32(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)
    try kvmResult(
      "KVM_SET_GUEST_DEBUG", KVMCall.make(descriptor.rawValue, CKVM_SET_GUEST_DEBUG, &debug))
  }

  /// Tells the guest's watchdogs that the vCPU was paused (KVM API §4.68).
  func tellGuestItWasPaused() throws(KVMError) {
    let result = ckvm_ioctl(descriptor.rawValue, CKVM_KVMCLOCK_CTRL, 0)
    // EINVAL: this guest does not use kvmclock and needs no notice.
    if result == -Errno.invalidArgument.rawValue { return }
    try kvmResult("KVM_KVMCLOCK_CTRL", result)
  }

  /// Sets the guest's TSC back by `ticks`, if this KVM supports it (group KVM_VCPU_TSC_CTRL, Linux 5.16).
  ///
  /// The guest's TSC ticks at the host's rate, because no code asks KVM to scale it.
  func setTSCBack(ticks: UInt64) throws(KVMError) {
    var offset: UInt64 = 0
    guard makeTSCOffsetRequest(CKVM_HAS_DEVICE_ATTR, &offset) == 0 else { return }
    try kvmResult("KVM_GET_DEVICE_ATTR", makeTSCOffsetRequest(CKVM_GET_DEVICE_ATTR, &offset))
    offset &-= ticks
    try kvmResult("KVM_SET_DEVICE_ATTR", makeTSCOffsetRequest(CKVM_SET_DEVICE_ATTR, &offset))
  }

  private func makeTSCOffsetRequest(_ request: UInt, _ offset: inout UInt64) -> Int32 {
    KVMCall.make(
      descriptor.rawValue, request, attribute: UInt64(KVM_VCPU_TSC_OFFSET), group: UInt32(KVM_VCPU_TSC_CTRL),
      value: &offset)
  }
}
