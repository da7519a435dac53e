import Foundation

/// KVM, what lies below this host, and what else it does.
extension Doctor {
  /// A share of stolen time from which results are wrong by as much.
  private static let spoilingSteal = 0.01
  private static let notedSteal = 0.001
  /// A share of busy time before anything was started that is more than a desktop's background.
  private static let spoilingLoad = 0.1
  /// The same as a load average.
  private static let spoilingLoadAverage = 1.0
  private static let notedLoadAverage = 0.3

  var kvmDevice: Finding {
    let why = "without it nothing boots"
    switch environment.kvmDevice {
    case .missing:
      return Finding(
        check: .kvmDevice, severity: .spoils, found: "there is no /dev/kvm", why: why,
        remedy: "modprobe kvm_intel || modprobe kvm_amd, with VT-x or AMD-V switched on in the firmware")
    case .forbidden:
      return Finding(
        check: .kvmDevice, severity: .spoils, found: "/dev/kvm may not be opened for reading and writing",
        why: why, remedy: "sudo usermod -aG kvm \"$USER\", then log in again")
    case .usable:
      return Finding(check: .kvmDevice, severity: .ok, found: "/dev/kvm can be opened", why: why)
    }
  }

  var kvmBackend: Finding {
    let isVirtual = host.processor?.isVirtual ?? false
    let why = "a vmexit costs 1-2 us with VT-x or AMD-V; what it costs decides between the data paths"
    switch host.kvmBackend {
    case .none:
      return Finding(
        check: .kvmBackend, severity: .spoils, found: "no KVM back end is loaded", why: why,
        remedy: "modprobe kvm_intel || modprobe kvm_amd")
    case .tcg:
      return Finding(
        check: .kvmBackend, severity: .spoils, found: "AMD-V is emulated by QEMU's TCG",
        why: "times mean nothing in absolute terms, only counts do",
        remedy: "measure times on a machine with VT-x or AMD-V")
    case .pvm:
      return Finding(
        check: .kvmBackend, severity: .spoils, found: "software KVM (kvm_pvm)",
        why: "a vmexit costs 10-30 us here, which makes virtio-blk look worse than on ordinary hardware",
        remedy: "publish results of a machine with VT-x or AMD-V; compare these among themselves only")
    case .vmx, .svm:
      let name = host.kvmBackend == .vmx ? "VT-x" : "AMD-V"
      guard isVirtual else {
        return Finding(check: .kvmBackend, severity: .ok, found: "\(name) of the hardware", why: why)
      }
      return Finding(
        check: .kvmBackend, severity: .spoils, found: "\(name), nested in a virtual machine",
        why: "the hypervisor below takes part in each vmexit, which then costs several times as much",
        remedy: "publish results of a machine of your own; compare these among themselves only")
    }
  }

  var virtualHost: Finding? {
    guard let processor = host.processor else { return nil }
    let why =
      "its CPUs may be threads of one core, or share one with other machines, which this host cannot see"
    guard processor.isVirtual else {
      return Finding(check: .virtualHost, severity: .ok, found: "no hypervisor below this host", why: why)
    }
    let names = [host.virtualMachine?.vendor, host.virtualMachine?.product].compactMap(\.self)
    return Finding(
      check: .virtualHost, severity: .note,
      found: "this host is a virtual machine" + (names.isEmpty ? "" : " (\(names.joined(separator: ", ")))"),
      why: why,
      remedy: "compare only what ran side by side (bench run, bench compare), with --repeat 5 or more")
  }

  /// The share of stolen CPU time: during the check if that was measured, otherwise since the boot.
  var steal: Finding? {
    guard host.processor?.isVirtual ?? false, let sinceBoot = host.virtualMachine?.stealShare else {
      return nil
    }
    let recent = environment.activity.recentTicks?.stealShare
    let worst = max(sinceBoot, recent ?? 0)
    return Finding(
      check: .steal, severity: worst >= Self.spoilingSteal ? .spoils : worst >= Self.notedSteal ? .note : .ok,
      found:
        "\(Self.percent(sinceBoot)) of the CPUs' time was stolen since the boot"
        + (recent.map { ", \(Self.percent($0)) just now" } ?? ""),
      why: "the guest's clock goes on while its CPU is taken away, and CPU times do not show it",
      remedy: worst >= Self.notedSteal
        ? "take a machine with CPUs of its own, or an hour in which its neighbours are idle" : nil)
  }

  var load: Finding {
    let average = host.loadAverage.first ?? 0
    let recent = environment.activity.recentTicks?.busyShare
    let busy = recent ?? 0
    let severity: Finding.Severity =
      average >= Self.spoilingLoadAverage || busy >= Self.spoilingLoad
      ? .spoils : average >= Self.notedLoadAverage ? .note : .ok
    return Finding(
      check: .load, severity: severity,
      found:
        "the load average of the last minute is \(average)"
        + (recent.map { ", and \(Self.percent($0)) of the CPUs' time was used just now" } ?? ""),
      why: "other work takes CPUs, caches and memory away, and not evenly",
      remedy: severity == .ok
        ? nil : "stop it (top -o %CPU shows what it is), and wait until uptime shows less than 0.3")
  }

  var machines: Finding {
    let machines = environment.activity.machines
    let why = "their vCPUs and I/O threads take part of every resource, at times of their own"
    guard !machines.isEmpty else {
      return Finding(check: .machines, severity: .ok, found: "no other virtual machine was seen", why: why)
    }
    let names = machines.map { "\($0.name) (\($0.process))" }
    return Finding(
      check: .machines, severity: .spoils,
      found:
        "other virtual machines run here: \(names.prefix(4).joined(separator: ", "))\(names.count > 4 ? " ..." : "")",
      why: why,
      remedy: "shut them down, or suspend them meanwhile (kill -CONT goes on): kill -STOP "
        + machines.map { String($0.process) }.joined(separator: " "))
  }
}
