import ArgumentParser
import Hypervisor

/// The virtual machines, the host's I/O threads, and where both run.
struct GuestMachineOptions: ParsableArguments {
  @Option(
    help: "What runs in the virtual machines: auto is linux where the KVM runs it natively, else micro.")
  var guest = GuestChoice.auto

  @Option(
    name: .customLong("vmm"),
    help: ArgumentHelp(
      "What makes the virtual machines: vext (bench itself), qemu, lkvm (kvmtool); repeatable, or separated by commas. "
        + "The last two have virtio-blk only, and Linux guests. Default: vext.", valueName: "vmm"))
  var vmmLists: [VMMList] = []

  @Option(
    help: ArgumentHelp(
      "The program of --vmm qemu or lkvm. Default: QEMU as it is installed; kvmtool has no default.",
      valueName: "program"))
  var vmmPath: String?

  @Option(name: .customLong("guests"), help: "Virtual machines at once.")
  var guestCount = 1

  @Option(
    name: .customLong("busy-guests"),
    help: "How many of them have work; the others are booted, and their queues are served. Default: all.")
  var busyGuestCount: Int?

  @Option(name: .customLong("workers"), help: "vCPUs, and queues, of each guest.")
  var workerCount = 1

  @Option(name: .customLong("pollers"), help: "I/O threads on the host.")
  var pollerCount = 1

  @Option(help: "What serves the requests.")
  var engine = BlockEngineKind.libaio

  @Option(
    help: ArgumentHelp("CPUs of the I/O threads: 2 or 2-3. Default: by topology.", valueName: "list"))
  var pollerCPU: CPUList?

  @Option(
    name: .customLong("vcpu-cpus"),
    help: ArgumentHelp("CPUs of the vCPUs, guest by guest. Default: by topology.", valueName: "list"))
  var vcpuCPUs: CPUList?

  @Option(help: "NUMA node of memory and threads. Default: the storage device's.")
  var numaNode: Int?

  /// The VMMs that were asked for.
  var vmms: [VMM] { vmmLists.isEmpty ? [.vext] : vmmLists.flatMap(\.vmms) }
}

/// One or more VMMs, separated by commas.
struct VMMList: ExpressibleByArgument {
  /// The VMMs, in the order given.
  let vmms: [VMM]

  /// The VMMs that `argument` names, or nil if one of them does not exist.
  init?(argument: String) {
    var vmms: [VMM] = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let vmm = VMM(rawValue: String(name)) else { return nil }
      vmms.append(vmm)
    }
    self.vmms = vmms
  }

  static var allValueStrings: [String] { VMM.allCases.map(\.rawValue) }
}
