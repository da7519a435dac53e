/// What executes guest code on this host.
enum KVMBackend: String, Codable, Sendable {
  /// Intel VT-x (kvm_intel).
  case vmx
  /// AMD-V (kvm_amd).
  case svm
  /// The software KVM without VT-x or AMD-V (kvm_pvm).
  case pvm
  /// AMD-V on a CPU that QEMU's TCG emulates: counts mean something there, times do not.
  case tcg
  /// KVM has not loaded a backend.
  case none

  /// Decides from what /sys and /proc say.
  ///
  /// TCG cannot be asked for by name from user space: it is taken for granted on a machine that QEMU built and that
  /// offers none of the paravirtual clocks which an accelerator (KVM, Xen, Hyper-V) gives to its guests.
  ///
  /// - Parameters:
  ///   - modules: Names below /sys/module.
  ///   - cpuModel: "model name" of /proc/cpuinfo.
  ///   - systemVendor: DMI's system vendor, empty if unknown.
  ///   - clockSources: Names of the clock sources that the kernel could use.
  init(modules: Set<String>, cpuModel: String, systemVendor: String, clockSources: Set<String>) {
    let hasParavirtualClock = clockSources.contains {
      $0.hasPrefix("kvm") || $0.hasPrefix("xen") || $0.hasPrefix("hyperv")
    }
    let isEmulatedCPU =
      cpuModel.contains("QEMU TCG") || (systemVendor.contains("QEMU") && !hasParavirtualClock)
    if modules.contains("kvm_pvm") {
      self = isEmulatedCPU ? .tcg : .pvm
    } else if modules.contains("kvm_amd") {
      self = isEmulatedCPU ? .tcg : .svm
    } else if modules.contains("kvm_intel") {
      self = isEmulatedCPU ? .tcg : .vmx
    } else {
      self = .none
    }
  }

  /// Whether times that are measured here mean anything in absolute terms.
  var isTimingValid: Bool {
    switch self {
    case .vmx, .svm, .pvm: true
    case .tcg, .none: false
    }
  }
}

extension KVMBackend {
  /// What /sys and /proc say.
  init(_ files: KernelFiles) {
    let cpuModel = files.lines("proc/cpuinfo").lazy.compactMap { $0.value(ofKey: "model name") }.first
    let clocks = files.text("sys/devices/system/clocksource/clocksource0/available_clocksource") ?? ""
    self.init(
      modules: Set(files.entries("sys/module")), cpuModel: cpuModel ?? "",
      systemVendor: files.text("sys/class/dmi/id/sys_vendor") ?? "",
      clockSources: Set(clocks.split(separator: " ").map(String.init)))
  }

  /// This host's.
  static func current() -> KVMBackend { KVMBackend(KernelFiles(root: "/")) }
}
