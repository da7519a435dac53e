import HostSystem

/// Detects a KVM without VT-x and AMD-V (kvm_pvm), which cannot run unmodified kernels.
///
/// It runs a guest's ring 3 natively, and emulates ring 0 one instruction at a time, without support for all
/// instructions.
public enum SoftwareKVM {
  /// Whether this host's KVM is kvm_pvm. The loaded module decides, because CPUID's flags say nothing about it.
  public static var isLoaded: Bool { NamedFiles.exists("/sys/module/kvm_pvm") }

  /// The advice that follows the verdict.
  static let advice =
    "This KVM (kvm_pvm, software) cannot run an unmodified kernel; scripts/testbed -- COMMAND runs COMMAND on one that can."

  /// A kernel with fewer vmexits than this is still unpacking itself.
  private static let exitLimit: UInt64 = 1000

  /// The time in ms for a kernel to make progress. With VT-x or AMD-V it prints its first line within a tenth of this.
  public static let judgementMilliseconds: Int32 = 4000

  /// Says why the kernel of `machine`, which has run for ``judgementMilliseconds``, will not boot; nil if it makes
  /// progress.
  ///
  /// Any thread but a vCPU's own.
  public static func verdict(on machine: Machine) throws(KVMError) -> String? {
    guard isLoaded, machine.vcpus.reduce(0, { $0 + $1.userExitCount }) < exitLimit else { return nil }
    guard let dump = try machine.describe(vcpu: 0) else { return nil }
    return """
      after \(judgementMilliseconds / 1000) s the kernel has not come to its first message: KVM emulates it one instruction at a time
        \(advice)
      \(dump)
      """
  }
}
