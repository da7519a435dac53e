import Glibc
import Hypervisor

/// Whether this machine can run the tests of tier T1, which need nothing but a working /dev/kvm.
enum KVMAvailability {
  /// Why not, or nil.
  static let obstacle: String? = {
    do throws(KVMError) {
      _ = try KVMSystem()
      return nil
    } catch {
      return "\(error)"
    }
  }()

  /// Whether this KVM works in software: guest code at CPL 3 runs natively there, so that KVM can neither shift its TSC
  /// nor step through it.
  static var isSoftwareKVM: Bool { unsafe access("/sys/module/kvm_pvm", F_OK) == 0 }

  static var isAvailable: Bool { obstacle == nil }
  static var comment: String { "needs KVM: \(obstacle ?? "available")" }
}
