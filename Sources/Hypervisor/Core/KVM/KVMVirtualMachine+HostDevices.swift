import CKVM
import HostSystem
import SystemPackage

extension KVMVirtualMachine: LevelInterruptRouter {
  /// Makes `trigger` an irqfd that asserts the line until the guest ends the interrupt (KVM API §4.75).
  func addLevelRoute(_ gsi: UInt32, trigger: Int32, acknowledgement: Int32) throws(Errno) {
    try setIRQFD(
      trigger, gsi: gsi, flags: UInt32(KVM_IRQFD_FLAG_RESAMPLE), acknowledgement: acknowledgement)
  }

  /// Removes the irqfd.
  func removeLevelRoute(_ gsi: UInt32, trigger: Int32) {
    // Fails only for a descriptor that is not assigned, in which case there is nothing to undo.
    try? setIRQFD(trigger, gsi: gsi, flags: UInt32(KVM_IRQFD_FLAG_DEASSIGN))
  }
}

extension KVMVirtualMachine {
  /// Tells KVM of the groups of VFIO whose devices the guest has (Documentation/virt/kvm/devices/vfio.rst): it then keeps to the guest's
  /// memory types where a device's accesses bypass the caches.
  ///
  /// - Returns: what keeps KVM informed as long as it lives.
  func register(groups: [Int32]) throws(KVMError) -> OwnedDescriptor {
    var request = kvm_create_device()
    request.type = CKVM_DEVICE_TYPE_VFIO
    try kvmResult("KVM_CREATE_DEVICE", KVMCall.make(descriptor.rawValue, CKVM_CREATE_DEVICE, &request))
    let device = OwnedDescriptor(adopting: Int32(bitPattern: request.fd))
    for group in groups {
      var value = UInt64(UInt32(bitPattern: group))
      try kvmResult(
        "KVM_DEV_VFIO_GROUP_ADD",
        KVMCall.make(
          device.rawValue, CKVM_SET_DEVICE_ATTR, attribute: CKVM_DEVICE_VFIO_GROUP_ADD,
          group: CKVM_DEVICE_VFIO_GROUP, value: &value))
    }
    return device
  }
}
