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

  static var isAvailable: Bool { obstacle == nil }
  static var comment: String { "needs KVM: \(obstacle ?? "available")" }
}
