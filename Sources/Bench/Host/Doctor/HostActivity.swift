/// What else runs on the host.
struct HostActivity: Equatable, Sendable {
  /// A process that runs a virtual machine.
  struct Machine: Equatable, Sendable {
    var process: Int
    var name: String
  }

  /// The virtual machines of others.
  var machines: [Machine]
  /// Whether a daemon moves interrupts between CPUs.
  var balancesInterrupts: Bool
  /// What the CPUs did in the moment before; nil if it was not measured.
  var recentTicks: CPUTicks?
}

extension HostActivity {
  /// Beginnings of the names of hypervisors' processes, for those into which a user may not look (the kernel keeps 15
  /// bytes of a name).
  private static let hypervisors = [
    "qemu-", "firecracker", "cloud-hyperviso", "crosvm", "kvmtool", "lkvm", "VBoxHeadless", "VirtualBoxVM",
    "vmware-vmx",
  ]

  /// Looks through the processes below /proc, this one apart.
  init(_ files: KernelFiles) {
    let own = files.linkTarget("proc/self").flatMap { Int($0) }
    var machines: [Machine] = []
    balancesInterrupts = false
    for process in files.entries("proc").compactMap({ Int($0) }).sorted() where process != own {
      // One that has ended meanwhile has no name any more.
      guard let name = files.word("proc/\(process)/comm") else { continue }
      if name == "irqbalance" { balancesInterrupts = true }
      if Self.hypervisors.contains(where: name.hasPrefix) || Self.holdsMachine(process, files) {
        machines.append(Machine(process: process, name: name))
      }
    }
    self.machines = machines
  }

  /// Whether the process has a descriptor of a machine of KVM's.
  private static func holdsMachine(_ process: Int, _ files: KernelFiles) -> Bool {
    let folder = "proc/\(process)/fd"
    return files.entries(folder).contains { files.linkTarget("\(folder)/\($0)") == "anon_inode:kvm-vm" }
  }
}
