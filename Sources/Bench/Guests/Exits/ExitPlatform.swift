/// Whose exit reasons KVM's tracepoints speak of.
enum ExitPlatform: Equatable, Sendable {
  /// Intel VT-x.
  case vmx
  /// AMD-V.
  case svm
  /// kvm_pvm, whose tracepoint `kvm_exit` does not fire.
  case software

  /// By the module that is loaded; nil without one.
  init?(_ files: KernelFiles) {
    if files.exists("sys/module/kvm_pvm") {
      self = .software
    } else if files.exists("sys/module/kvm_amd") {
      self = .svm
    } else if files.exists("sys/module/kvm_intel") {
      self = .vmx
    } else {
      return nil
    }
  }
}
