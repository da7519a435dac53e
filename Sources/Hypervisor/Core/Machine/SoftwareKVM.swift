import Glibc

/// A KVM without VT-x and AMD-V: kvm_pvm. It runs a guest's ring 3 natively and emulates its ring 0 one instruction after
/// the other, and not every instruction.
public enum SoftwareKVM {
  /// Whether this host's KVM is one. Decided by the module that is loaded: CPUID's flags say nothing about it.
  public static var isLoaded: Bool { unsafe access("/sys/module/kvm_pvm", F_OK) == 0 }

  /// What to do about it.
  static let advice =
    "This KVM (kvm_pvm, software) cannot run an unmodified kernel; scripts/testbed -- COMMAND runs COMMAND on one that can."

  /// A kernel that has done so few things that the host sees is still unpacking itself.
  private static let exitLimit: UInt64 = 1000

  /// How long a kernel has to show that it gets on: with VT-x or AMD-V it prints its first line within a tenth of that.
  public static let patienceMilliseconds: Int32 = 4000

  /// Why there is no point in waiting for the kernel of `machine`, which has run for ``patienceMilliseconds``; nil where
  /// it gets on. Any thread but a vCPU's own.
  public static func verdict(on machine: Machine) throws(KVMError) -> String? {
    guard isLoaded, machine.vcpus.reduce(0, { $0 + $1.userExitCount }) < exitLimit else { return nil }
    guard let dump = try machine.describe(vcpu: 0) else { return nil }
    return """
      after \(patienceMilliseconds / 1000) s the kernel has not come to its first message: KVM emulates it one instruction at a time
        \(advice)
      \(dump)
      """
  }
}
