import Hypervisor

/// All that `bench run` was asked for, with the defaults filled in.
struct RunConfiguration: Codable, Equatable, Sendable {
  /// The data paths to compare; the first is what the others are related to.
  var modes: [DataPathMode]
  /// What is above them in a Linux guest; a micro guest has no file system.
  var fileSystems: [GuestFileSystem] = [.none]
  /// What makes the virtual machines; the first is what the others are related to.
  var vmms: [VMM] = [.builtin]
  /// The program of the peer; nil: the installed one.
  var vmmPath: String?
  /// What runs in the virtual machines.
  var guest: GuestKind
  /// Why that guest.
  var guestReason = ""
  /// Virtual machines at once.
  var guestCount: Int
  /// How many of them have work; the others are booted, own a queue and stand still. nil: all.
  var busyGuestCount: Int?
  /// Workers of each guest: load loops, each with a vCPU and a queue of its own.
  var workerCount: Int
  /// I/O threads on the host.
  var ioThreadCount: Int
  /// What serves the requests.
  var engine: BlockEngineKind
  /// The workload's pattern.
  var rw: RWKind
  /// Bytes per request.
  var blockSize: ByteSize
  /// Requests in flight per worker.
  var iodepth: Int
  /// Bytes of the disk that each guest's workload touches, from offset 0.
  var regionSize: ByteSize
  /// Length of the measured window; nil: the window ends after ``requestLimit``.
  var runtime: TimeSpan?
  /// How long the guest works before the window opens.
  var warmup: TimeSpan
  /// How long each worker idles whenever all of its requests are answered; nil: not at all.
  var thinkTime: TimeSpan?
  /// Requests per worker at most in the window; nil: as many as there is time for.
  var requestLimit: UInt64?
  /// Boots per mode.
  var repetitionCount: Int
  /// The disk, shared by all guests; nil: a file of bench's own for each guest.
  var diskPath: String?
  /// Whether the page cache is left out (`O_DIRECT`).
  var usesDirectIO: Bool
  /// Whether each I/O block carries its offset and a sequence number, and is checked when read.
  var verifies: Bool
  /// The CPUs of the I/O threads, in order; nil: the planner chooses.
  var ioThreadCPUs: [Int]?
  /// The CPUs of the vCPUs, guest by guest; nil: the planner chooses.
  var vcpuCPUs: [Int]?
  /// The NUMA node of memory and threads; nil: the planner chooses.
  var numaNode: Int?
  /// Seed of the order of the modes and of the guests' random numbers.
  var seed: UInt64
  /// Whether the host's page cache is emptied before each boot.
  var dropsCaches = false
  /// Whether fio begins with cold caches, the guest's and the host's; nil in records of earlier versions, whose guests did not.
  var startsCold: Bool?
  /// How vmexits are counted; nil in records of earlier versions, which counted by statistics.
  var exitCounting: ExitCounting?
  /// To what `vext-adaptive` adapts; nil: ``AdaptationPart/defaults``.
  var adaptations: [AdaptationPart]?
  /// Whether queues of micro guests move from busy I/O threads of bench's to idle ones; nil: no.
  var rebalances: Bool?
  /// Whether each guest of the mode `vext-service` runs in a process of its own; nil: no.
  var hasGuestProcesses: Bool?
  /// Why the modes are others than the usual ones; nil if the user chose them, or they are the usual ones.
  var modeReason: String?
  /// What only a Linux guest has; nil for a micro guest.
  var linux: LinuxConfiguration?
  /// Why there is no block driver for the vext queue here; nil if there is one, or if that is not known yet.
  var driverAbsence: String?

  /// The type of the image that bench makes for `fileSystem`; nil if it makes none of the ext family.
  func imageType(for fileSystem: GuestFileSystem) -> ImageType? {
    fileSystem.structure == .ext ? linux?.imageType ?? .ext4 : nil
  }

  /// Whether any path needs a virtual machine.
  var needsMachine: Bool { modes.contains { $0 != .host } }

  /// How many of the guests have work.
  var busyGuests: Int { busyGuestCount ?? guestCount }

  /// Whether each guest of `mode` runs in a process of its own.
  func usesGuestProcesses(_ mode: DataPathMode) -> Bool { mode == .vextService && hasGuestProcesses == true }

  /// To what `mode` adapts.
  func adaptations(of mode: DataPathMode) -> [AdaptationPart] {
    mode == .vextAdaptive ? adaptations ?? AdaptationPart.defaults : []
  }

  /// The configuration of guest `index`: one without work neither warms up nor verifies.
  func configuration(ofGuest index: Int) -> RunConfiguration {
    guard index >= busyGuests else { return self }
    var idle = self
    idle.warmup = .milliseconds(0)
    idle.verifies = false
    return idle
  }

  /// Replaces the path that polls all the time from both ends, which is not worth comparing where threads share CPUs.
  mutating func giveUpSharedCPUs() {
    guard modes.contains(.vext) else { return }
    modes = modes.map { $0 == .vext ? .vextAdaptive : $0 }
    modeReason =
      "vext-adaptive in place of vext, because threads share CPUs; --mode vext compares pure polling"
  }

  /// What is compared: in every VMM, every mode that it has with every file system that works over it.
  var paths: [DataPath] { pathsAskedFor.filter(works) }

  /// What was asked for and cannot be.
  var pathsLeftOut: [DataPath] { pathsAskedFor.filter { !works($0) } }

  private var pathsAskedFor: [DataPath] {
    vmms.flatMap { vmm in
      modes.flatMap { mode in fileSystems.map { DataPath(mode, $0, vmm: vmm) } }
    }
  }

  private func works(_ path: DataPath) -> Bool {
    guard path.vmm.has(path.mode) else { return false }
    return switch guest {
    case .micro: path.fileSystem == .none && path.mode.takesMicroGuests
    case .linux:
      path.fileSystem.works(over: path.mode) && (driverAbsence == nil || !path.needsBlockDriver)
    }
  }

  /// Why `path`, one of ``pathsLeftOut``, is not run.
  func reasonForLeavingOut(_ path: DataPath) -> String {
    guard let driverAbsence, path.needsBlockDriver, path.fileSystem.works(over: path.mode) else {
      return "there is no such path"
    }
    return driverAbsence
  }

  /// The names in the JSON file, where they differ from the properties.
  enum CodingKeys: String, CodingKey {
    case modes
    case fileSystems = "file_systems"
    case vmms
    case vmmPath = "vmm_path"
    case guest
    case guestReason = "guest_reason"
    case guestCount = "guests"
    case busyGuestCount = "busy_guests"
    case workerCount = "workers"
    case ioThreadCount = "io_threads"
    case engine
    case rw
    case blockSize = "block_bytes"
    case iodepth
    case regionSize = "region_bytes"
    case runtime = "runtime_s"
    case warmup = "warmup_s"
    case thinkTime = "think_time_s"
    case requestLimit = "requests_per_worker"
    case repetitionCount = "repetitions"
    case diskPath = "disk_path"
    case usesDirectIO = "direct"
    case verifies = "verify"
    case ioThreadCPUs = "io_thread_cpus"
    case vcpuCPUs = "vcpu_cpus"
    case numaNode = "numa_node"
    case seed
    case dropsCaches = "drop_caches"
    case startsCold = "cold_cache"
    case exitCounting = "exits"
    case adaptations = "adaptation"
    case rebalances = "rebalance"
    case hasGuestProcesses = "guest_processes"
    case modeReason = "mode_reason"
    case linux
    case driverAbsence = "driver_absence"
  }
}
