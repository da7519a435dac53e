import CKVM
import Glibc
import HostSystem
import SystemPackage

/// /dev/kvm: the capabilities of this host's KVM, and the creation of virtual machines (KVM API §4.1-4.5).
///
/// KVM's answers decide what is supported, never CPUID's flags, because a KVM need not use VT-x or AMD-V.
public struct KVMSystem: ~Copyable {
  /// Capabilities that the hypervisor requires.
  private static let required: [(Int32, String)] = [
    (CKVM_CAP_IRQFD, "KVM_CAP_IRQFD"), (CKVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD"),
    (CKVM_CAP_IOEVENTFD_ANY_LENGTH, "KVM_CAP_IOEVENTFD_ANY_LENGTH"),
    (CKVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING"), (CKVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"),
    (CKVM_CAP_BINARY_STATS_FD, "KVM_CAP_BINARY_STATS_FD"),
  ]

  /// The default path of KVM's device file.
  public static let defaultPath = "/dev/kvm"

  private let descriptor: OwnedDescriptor
  /// Size in bytes of the run structure that a vCPU shares with the kernel.
  public let runByteCount: Int

  /// Opens `path` and checks KVM's version and capabilities.
  public init(path: String = defaultPath) throws(KVMError) {
    let descriptor: OwnedDescriptor
    do throws(Errno) {
      descriptor = try OwnedDescriptor.open(path, flags: O_RDWR)
    } catch {
      throw .cannotOpen(path: path, error)
    }
    let version = ckvm_ioctl(descriptor.rawValue, CKVM_GET_API_VERSION, 0)
    guard version >= 0 else { throw .notKVM(path: path) }
    guard version == 12 else { throw .unsupportedVersion(version) }
    for (capability, name) in Self.required
    where ckvm_ioctl(descriptor.rawValue, CKVM_CHECK_EXTENSION, UInt(UInt32(bitPattern: capability))) <= 0 {
      throw .missingCapability(name)
    }
    let byteCount = try kvmResult(
      "KVM_GET_VCPU_MMAP_SIZE", ckvm_ioctl(descriptor.rawValue, CKVM_GET_VCPU_MMAP_SIZE, 0))
    self.descriptor = descriptor
    self.runByteCount = Int(byteCount)
  }

  /// Maximum number of vCPUs of a machine.
  public var maxVCPUs: Int {
    Int(max(1, ckvm_ioctl(descriptor.rawValue, CKVM_CHECK_EXTENSION, UInt(CKVM_CAP_MAX_VCPUS))))
  }

  /// Creates an empty virtual machine.
  func makeVirtualMachineDescriptor() throws(KVMError) -> OwnedDescriptor {
    // EINTR: a signal interrupted the allocation, and KVM asks to repeat the call.
    while true {
      let result = ckvm_ioctl(descriptor.rawValue, CKVM_CREATE_VM, 0)
      if result == -Errno.interrupted.rawValue { continue }
      return OwnedDescriptor(adopting: try kvmResult("KVM_CREATE_VM", result))
    }
  }

  /// The CPUID leaves that this KVM supports (KVM API §4.46).
  func supportedCPUID() throws(KVMError) -> CPUIDTable {
    var table = CPUIDTable(capacity: 256)
    try kvmResult(
      "KVM_GET_SUPPORTED_CPUID", KVMCall.make(descriptor.rawValue, CKVM_GET_SUPPORTED_CPUID, &table.table))
    // The in-kernel local APIC has the timer's TSC-deadline mode, but KVM leaves it to user space to offer it.
    let hasDeadlineTimer =
      ckvm_ioctl(descriptor.rawValue, CKVM_CHECK_EXTENSION, UInt(CKVM_CAP_TSC_DEADLINE_TIMER)) > 0
    table.updateEach { leaf in
      if leaf.function == 1, hasDeadlineTimer { leaf.ecx |= 1 << 24 }
    }
    return table
  }
}

/// Turns a shim's result into a value, or into an error that names the request.
@discardableResult
func kvmResult(_ request: String, _ result: Int32) throws(KVMError) -> Int32 {
  guard result >= 0 else { throw .failed(request: request, Errno(rawValue: -result)) }
  return result
}
