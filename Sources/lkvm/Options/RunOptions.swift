import Hypervisor

/// The options of `lkvm run` and `lkvm sandbox`. Every option is declared here and nowhere else.
enum RunOptions {
  /// All of them, in the order of help.
  static let rows = machine + kernel + devices + display + network + debugging + kvmtool

  private static let machine: [OptionRow<RunSettings>] = [
    .value(
      "name", nil, "NAME", .machine, "The guest's name.",
      standard: "the root's of --disk NAME, else guest-PID"
    ) { settings, name throws(OptionProblem) in
      if let name { try InstanceDirectory.check(name: name) }
      settings.machine.name = name
    },
    .number(
      "cpus", "c", "N", .machine, in: 0...Int.max, "vCPUs; 0 for the default.",
      standard: "the host's online CPUs"
    ) {
      $0.machine.cpus = $1 == 0 ? nil : $1
    },
    .value(
      "mem", "m", "SIZE[BKMGTP]", .machine, "Memory; a plain number is MiB.",
      standard: "64 MiB for each vCPU and three more"
    ) { settings, text throws(OptionProblem) in
      guard let text else { return settings.machine.mem = nil }
      guard let size = MemorySize(argument: text) else { throw .wanted("a size such as 512, 512M or 2G") }
      guard size.byteCount > 0 else { throw OptionProblem(text: "a guest has memory") }
      settings.machine.mem = size
    },
    .text("pin", nil, "CPUS", .machine, "CPUs to pin the vCPUs to, one for each: 2,3 or 2-5.") {
      $0.machine.pin = $1
    },
    .number("numa-node", nil, "NODE", .machine, in: 0...Int.max, "NUMA node that guest memory is bound to.") {
      $0.machine.numaNode = $1
    },
    .flag("huge-pages", nil, .machine, "Ask for transparent huge pages: a slower start, a faster guest.") {
      $0.machine.hugePages = $1
    },
    .text(
      "hugetlbfs", nil, "PATH", .machine, "Take guest memory from the hugetlbfs that is mounted at PATH.",
      completion: .folders
    ) { $0.machine.hugetlbfs = $1 },
    .flag("ksm", nil, .machine, "Let the host merge equal pages of guest memory (KSM).") {
      $0.machine.ksm = $1
    },
    .flag(
      "any-kvm", nil, .machine,
      "Let the guest go on where KVM emulates its kernel one instruction at a time (kvm_pvm)."
    ) { $0.machine.anyKvm = $1 },
    .choice(
      "sandbox-policy", "POLICY", .machine,
      "Rights that the process gives up: strict (those that its options do not need), log (print what strict would refuse) or off.",
      standard: "strict"
    ) { $0.machine.sandboxPolicy = $1 ?? .strict },
    .value(
      "jail", nil, "USER[,chroot=DIR][,cgroup=PATH]", .machine,
      "Run the guest as USER (a name or UID:GID) in namespaces and a root of its own, in memory or in DIR, and in the control group PATH; "
        + "for root."
    ) { settings, text throws(OptionProblem) in
      guard let text else { return settings.machine.jail = nil }
      guard let jail = JailOption(argument: text) else { throw .wanted("USER[,chroot=DIR][,cgroup=PATH]") }
      settings.machine.jail = jail
    },
    .text(
      "dev", nil, "PATH", .machine, "KVM's device file.", standard: KVMSystem.defaultPath, completion: .files
    ) {
      $0.devices.dev = $1 ?? KVMSystem.defaultPath
    },
  ]

  private static let kernel: [OptionRow<RunSettings>] = [
    .text(
      "kernel", "k", "FILE", .kernel, "Kernel: a bzImage, an ELF vmlinux, or a flat real-mode binary.",
      standard: "the running host's",
      completion: .files
    ) { $0.kernel.kernel = $1 },
    .text(
      "firmware", "f", "FILE", .kernel, "Firmware that boots a disk, such as SeaBIOS, instead of a kernel.",
      completion: .files
    ) { $0.kernel.firmware = $1 },
    .text(
      "initrd", "i", "FILE", .kernel, "Initial RAM disk.", standard: "one made from the kernel's modules",
      completion: .files
    ) { $0.kernel.initrd = $1 },
    .value("params", "p", "PARAMS", .kernel, "Kernel parameters, after those that lkvm gives; repeatable.") {
      settings, text throws(OptionProblem) in
      guard let text else { return settings.kernel.params = [] }
      settings.kernel.params.append(text)
      let byteCount = settings.kernel.params.reduce(settings.kernel.params.count - 1) { $0 + $1.utf8.count }
      // Without the zero byte at its end.
      let limit = BootLayout.commandLineLimit - 1
      guard byteCount <= limit else {
        throw OptionProblem(text: "\(byteCount) bytes, but the kernel takes \(limit)")
      }
    },
    .text(
      "sandbox", nil, "SCRIPT", .kernel, "Script of the host's to run in the guest over the host's files.",
      completion: .files
    ) { $0.kernel.sandbox = $1 },
    .flag(
      "nodefaults", nil, .kernel,
      "Give the kernel no parameters but --params, and the machine no devices but those asked for."
    ) { $0.kernel.nodefaults = $1 },
  ]

  private static let devices: [OptionRow<RunSettings>] = [
    .value(
      "disk", "d", "PATH[,ro][,direct][,format=raw][,snapshot=NAME][,backing=any][,security=MODE]", .devices,
      "Disk: an image, a block device, or the folder or the name of a root file system, whose security is that of --9p; or "
        + "scsi:WWPN, a target of the host's vhost_scsi; repeatable.",
      completion: .files
    ) { settings, text throws(OptionProblem) in
      guard let text else { return (settings.devices.disk, settings.devices.scsi) = ([], []) }
      guard !text.hasPrefix(DiskOption.targetPrefix) else {
        guard let target = DiskOption.target(argument: text) else {
          throw .wanted("scsi:WWPN[:TPGT], with a WWPN such as naa.600140554cf3a18e")
        }
        guard !settings.devices.scsi.contains(target) else { throw OptionProblem(text: "given twice") }
        return settings.devices.scsi.append(target)
      }
      guard let disk = DiskOption(argument: text) else {
        throw .wanted(
          "PATH, then any of ,ro ,direct ,format=raw, or ,snapshot=NAME ,backing=any; or ,security=none|mapped|passthrough"
        )
      }
      settings.devices.disk.append(disk)
    },
    .value(
      "vext", nil, "PATH[,queues=N][,ro][,direct][,poll][,format=raw]", .devices,
      "Disk served through the vext queue; its I/O thread sleeps when idle, with poll it polls all the time; PATH may be vextd:SOCKET/NAME, a disk of vextd, with wait=SECONDS for its successor; repeatable.",
      completion: .files
    ) { settings, text throws(OptionProblem) in
      guard let text else { return settings.devices.vext = [] }
      guard let disk = VextOption(argument: text) else {
        throw .wanted(
          "PATH, then any of ,queues=N (1 to 128) ,ro ,direct ,poll ,format=raw; or vextd:SOCKET/NAME[,queues=N][,wait=SECONDS]"
        )
      }
      settings.devices.vext.append(disk)
    },
    .value(
      "vhost-user-blk", nil, "SOCKET[,queues=N]", .devices,
      "Disk that the vhost-user back end at SOCKET serves, such as qemu-storage-daemon or vextd; repeatable.",
      completion: .files
    ) { settings, text throws(OptionProblem) in
      guard let text else { return settings.devices.vhostUserBlk = [] }
      guard let disk = VhostUserBlockOption(argument: text) else {
        throw .wanted("SOCKET[,queues=N] (1 to 64)")
      }
      settings.devices.vhostUserBlk.append(disk)
    },
    .value(
      "vhost-user-fs", nil, "SOCKET,tag=TAG", .devices,
      "File system that the vhost-user back end at SOCKET serves, such as virtiofsd; the guest mounts it by the tag; repeatable.",
      completion: .files
    ) { settings, text throws(OptionProblem) in
      guard let text else { return settings.devices.vhostUserFs = [] }
      guard let share = VhostUserFileSystemOption(argument: text) else {
        throw .wanted("SOCKET,tag=TAG (1 to 36 bytes)")
      }
      settings.devices.vhostUserFs.append(share)
    },
    .number(
      "vsock", nil, "CID", .devices, in: VhostVsock.contextIDs,
      "Virtio socket device with this context ID, which the host's vhost_vsock serves: AF_VSOCK between host and guest."
    ) { settings, contextID in
      settings.devices.vsock = contextID.map { UInt32(truncatingIfNeeded: $0) }
    },
    .number(
      "disk-queues", nil, "N", .devices, in: 1...64, "Queues of each virtio-blk disk.",
      standard: "one for each vCPU"
    ) { $0.devices.diskQueues = $1 },
    .choice(
      "io-engine", "ENGINE", .devices, "How disk requests are carried out: libaio, io_uring or sync.",
      standard: "libaio"
    ) { $0.devices.ioEngine = $1 ?? .libaio },
    .flag("no-ioeventfd", nil, .devices, "Let notifications of virtio queues come through user space.") {
      $0.devices.noIoeventfd = $1
    },
    .value(
      "9p", nil, "DIR[,TAG[,ro]][,security=MODE]", .devices,
      "Folder of the host's to share by virtio-9p; the tag is \(ShareOption.defaultTag) unless one is given; security is "
        + "none (the default), mapped or passthrough; repeatable.",
      completion: .folders
    ) { settings, text throws(OptionProblem) in
      guard let text else { return settings.devices.shares = [] }
      guard let share = ShareOption(argument: text) else {
        throw .wanted("DIR[,TAG[,ro]][,security=none|mapped|passthrough]")
      }
      settings.devices.shares.append(share)
    },
    .value(
      "shmem", nil, "[pci:]ADDR:SIZE[:handle=NAME][:create]", .devices,
      "Memory that other guests and programs of the host share, the object NAME below /dev/shm, as a PCI function (ivshmem); "
        + "ADDR is where the guest finds it, SIZE a power of two; create makes the object; repeatable.",
      standard: "NAME \(SharedMemoryOption.defaultName)"
    ) { settings, text throws(OptionProblem) in
      guard let text else { return settings.devices.sharedMemory = [] }
      settings.devices.sharedMemory.append(try SharedMemoryOption(argument: text))
    },
    .value(
      "vfio-pci", nil, "[DOMAIN:]BUS:DEV.FN", .devices,
      "PCI device of the host's that the guest drives itself, bound to vfio-pci; repeatable."
    ) { settings, text throws(OptionProblem) in
      guard let text else { return settings.devices.hostDevices = [] }
      guard let address = HostPCIAddress(parsing: text) else {
        throw .wanted("[DOMAIN:]BUS:DEV.FN as lspci prints it, such as 0000:03:00.0")
      }
      guard !settings.devices.hostDevices.contains(address) else { throw OptionProblem(text: "given twice") }
      settings.devices.hostDevices.append(address)
    },
    .flag("rng", nil, .devices, "Entropy device.") { $0.devices.rng = $1 },
    .flag("balloon", nil, .devices, "Memory balloon.") { $0.devices.balloon = $1 },
    .value(
      "console", nil, "DEVICE", .devices, "The guest's console on this terminal: serial or virtio.",
      standard: "serial", completion: .words(RunSettings.Console.allCases.map(\.rawValue))
    ) { settings, text throws(OptionProblem) in
      if text == "hv" {
        // kvmtool's word for a console that only POWER has.
        settings.warnings.append("--console hv: a PC has no such console; the guest's is serial")
      }
      guard let console = text == nil || text == "hv" ? .serial : RunSettings.Console(rawValue: text ?? "")
      else { throw .wanted("serial or virtio") }
      settings.devices.console = console
    },
    .value("tty", nil, "N", .devices, "Put serial port N (0 to 3) on a pseudo-terminal; repeatable.") {
      settings, text throws(OptionProblem) in
      guard let text else { return settings.devices.tty = [] }
      guard let port = OptionNumber.parse(text), (0...3).contains(port) else {
        throw OptionProblem(text: "wanted a serial port from 0 to 3")
      }
      settings.devices.tty.append(port)
    },
    .choice(
      "virtio-transport", "KIND", .devices, "Interface of the virtio devices: pci or pci-legacy.",
      standard: "pci"
    ) { $0.devices.virtioTransport = $1 ?? .pci },
    .flag("virtio-legacy", nil, .devices, "Short for --virtio-transport pci-legacy.") {
      $0.devices.virtioTransport = $1 ? .pciLegacy : .pci
    },
  ]

  /// The completions that a shell offers for `--network`.
  private static let networkSettings = [
    "mode=user", "mode=tap", "mode=none", "guest_mac=", "host_mac=", "guest_ip=", "host_ip=", "script=",
    "downscript=", "tapif=", "vhost=0", "vhost=1", "fd=", "mq=", "trans=pci", "trans=pci-legacy", "hostfwd=",
    "mtu=",
    "loopback=on", "loopback=off", "restrict=on", "restrict=off", "allow=",
  ]

  private static let network: [OptionRow<RunSettings>] = [
    OptionRow(
      description: OptionDescription(
        long: "network", short: "n", shape: .optionalValue("KEY=VALUE,..."),
        help:
          "Network card; repeatable. mode=user|tap|none (without it: tap); guest_mac=, "
          + "guest_ip=ADDRESS[/PREFIX], host_ip=ADDRESS[/PREFIX], mtu=, trans=pci|pci-legacy; "
          + "with mode=tap: tapif=, script=, downscript=, host_mac=, fd=, mq=, vhost=0|1; "
          + "with mode=user: hostfwd=tcp|udp:[ADDRESS:]PORT-[ADDRESS]:PORT, loopback=on|off, restrict=on|off, "
          + "allow=CIDR.",
        standard: "one card with mode=user", group: .network, completion: .settings(Self.networkSettings))
    ) { settings, input throws(OptionProblem) in
      let text: String
      switch input {
      case .off: return settings.devices.network = []
      case .bare: text = "mode=tap"
      case .value(let given): text = given
      }
      do throws(NetworkOptionError) {
        let network = try NetworkOptions(text)
        settings.devices.network.append(network)
        settings.warnings += network.warnings.map { "--network \(text): \($0)" }
      } catch {
        throw OptionProblem(text: error.description)
      }
    },
    .flag("no-dhcp", nil, .network, "Give the guest no network address by kernel parameter.") {
      $0.devices.noDhcp = $1
    },
  ]

  private static let debugging: [OptionRow<RunSettings>] = [
    .flag("debug", nil, .debugging, "Log what lkvm does.") { $0.debugging.debug = $1 },
    .flag("debug-single-step", nil, .debugging, "Log the address of each instruction (very slow).") {
      $0.debugging.debugSingleStep = $1
    },
    .flag("debug-ioport", nil, .debugging, "Log accesses to ports without a device.") {
      $0.debugging.debugIoport = $1
    },
    .flag("debug-mmio", nil, .debugging, "Log accesses to memory addresses without RAM or a device.") {
      $0.debugging.debugMmio = $1
    },
    .number(
      "debug-iodelay", nil, "MS", .debugging, in: 0...10_000,
      "Milliseconds to wait at each port and MMIO access."
    ) { $0.debugging.debugIodelay = $1 },
    .choice(
      "loglevel", "LEVEL", .debugging,
      "Least important messages that are printed: debug, info, warning or error.", standard: "warning"
    ) { $0.debugging.loglevel = $1 ?? .warning },
    .flag(
      "stats", nil, .debugging,
      "Print start-up times, memory, vmexits and disks to standard error at the end."
    ) {
      $0.debugging.stats = $1
    },
    .text(
      "stats-file", nil, "FILE", .debugging,
      "Append start-up times, memory, vmexits and disks to FILE as JSON.",
      completion: .files
    ) { $0.debugging.statsFile = $1 },
  ]

  private static let kvmtool: [OptionRow<RunSettings>] = [
    .value("flash", "F", "FILE", .kvmtool, "Flash image: ignored with a warning, as a PC has no such flash.")
    {
      settings, file in
      if let file { settings.warnings.append("--flash \(file): ignored, as kvmtool does for a PC") }
    },
    .refused("gtk", nil, .flag, "Frame buffer by GTK.", instead: "use --sdl or --vnc"),
  ]
}
