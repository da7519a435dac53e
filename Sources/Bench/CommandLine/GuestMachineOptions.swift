import ArgumentParser
import HostSystem
import Hypervisor

/// The virtual machines, the host's I/O threads, and where both run.
struct GuestMachineOptions: ParsableArguments {
  @Option(
    help: "What runs in the virtual machines: auto is linux where the KVM runs it natively, else micro.")
  var guest = GuestChoice.auto

  @Option(
    name: .customLong("vmm"),
    help: ArgumentHelp(
      "What makes the virtual machines: builtin (bench itself), qemu, kvmtool; repeatable, or separated by commas. "
        + "QEMU and kvmtool have virtio-blk only, kvmtool Linux guests only. Default: builtin.",
      valueName: "vmm"))
  var vmmLists: [VMMList] = []

  @Option(
    help: ArgumentHelp(
      "The program of --vmm qemu or kvmtool. Default: QEMU as it is installed; kvmtool has no default.",
      valueName: "program"))
  var vmmPath: String?

  @Option(name: .customLong("guests"), help: "Virtual machines at once.")
  var guestCount = 1

  @Option(
    name: .customLong("busy-guests"),
    help: "How many of them have work; the others are booted, and their queues are served. Default: all.")
  var busyGuestCount: Int?

  @Option(
    name: .customLong("workers"),
    help: "Workers of each guest: load loops, each with a vCPU and a queue of its own.")
  var workerCount = 1

  @Option(name: .customLong("io-threads"), help: "I/O threads on the host.")
  var ioThreadCount = 1

  @Flag(help: "Run each guest of --mode vext-service in a process of its own.")
  var guestProcesses = false

  @Flag(help: "Let queues of micro guests move from a busy I/O thread to an idle one of its NUMA node.")
  var rebalance = false

  @Option(help: "What serves the requests.")
  var engine = BlockEngineKind.libaio

  @Option(
    help: ArgumentHelp(
      "To what vext-adaptive adapts: guest-yield or guest-sleep (on a CPU that others need), io-thread (the same), load; or "
        + "none. Default: \(NameList(AdaptationPart.defaults).defaultValueDescription).",
      valueName: "parts"))
  var adaptation: NameList<AdaptationPart>?

  @Option(
    name: .customLong("io-thread-cpus"),
    help: ArgumentHelp("CPUs of the I/O threads: 2 or 2-3. Default: by topology.", valueName: "list"))
  var ioThreadCPUs: CPUList?

  @Option(
    name: .customLong("vcpu-cpus"),
    help: ArgumentHelp("CPUs of the vCPUs, guest by guest. Default: by topology.", valueName: "list"))
  var vcpuCPUs: CPUList?

  @Option(help: "NUMA node of memory and threads. Default: the storage device's.")
  var numaNode: Int?

  @Option(name: .customLong("pollers"), help: .hidden)
  var formerIOThreadCount: Int?

  @Option(name: .customLong("poller-cpu"), help: .hidden)
  var formerIOThreadCPUs: CPUList?

  /// Accepts the options of earlier versions, with a warning, and refuses names of VMMs that meant another one.
  mutating func validate() throws {
    if let formerIOThreadCount {
      StandardError.write(.warning, "--pollers is now called --io-threads", from: "bench")
      ioThreadCount = formerIOThreadCount
    }
    if let formerIOThreadCPUs {
      StandardError.write(.warning, "--poller-cpu is now called --io-thread-cpus", from: "bench")
      ioThreadCPUs = formerIOThreadCPUs
    }
    if let word = vmmLists.flatMap(\.formerWords).first {
      throw ValidationError("--vmm \(word) is now called --vmm \(VMM.formerWords[word] ?? "")")
    }
  }

  /// The VMMs that were asked for.
  var vmms: [VMM] { vmmLists.isEmpty ? [.builtin] : vmmLists.flatMap(\.vmms) }
}

/// One or more VMMs, separated by commas.
struct VMMList: ExpressibleByArgument {
  /// The VMMs, in the order given.
  let vmms: [VMM]
  /// Words of earlier versions among the names.
  let formerWords: [String]

  /// The VMMs that `argument` names, or nil if one of them does not exist.
  init?(argument: String) {
    var vmms: [VMM] = []
    var formerWords: [String] = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      if let vmm = VMM(rawValue: name) {
        vmms.append(vmm)
      } else if VMM.formerWords[name] != nil {
        formerWords.append(name)
      } else {
        return nil
      }
    }
    self.vmms = vmms
    self.formerWords = formerWords
  }

  static var allValueStrings: [String] { VMM.allCases.map(\.rawValue) }
}
