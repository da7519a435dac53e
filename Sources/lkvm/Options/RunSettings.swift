import Display
import Hypervisor
import UserNetwork

/// The values of the options of `lkvm run` and `lkvm sandbox`.
struct RunSettings: Equatable {
  /// Name, vCPUs and memory.
  struct Machine: Equatable {
    var name: String?
    var cpus: Int?
    var mem: MemorySize?
    var pin: String?
    var numaNode: Int?
    var hugePages = false
    var hugetlbfs: String?
    var ksm = false
    var anyKvm = false
    var sandboxPolicy = SandboxPolicy.strict
    var jail: JailOption?
  }

  /// The kernel and its parameters, or the firmware.
  struct Kernel: Equatable {
    var kernel: String?
    var firmware: String?
    var initrd: String?
    var params: [String] = []
    var sandbox: String?
    var nodefaults = false
  }

  /// The devices of the machine.
  struct Devices: Equatable {
    var disk: [DiskOption] = []
    var vext: [VextOption] = []
    var vhostUserBlk: [VhostUserBlockOption] = []
    var vhostUserFs: [VhostUserFileSystemOption] = []
    var scsi: [VhostSCSITarget] = []
    var vsock: UInt32?
    var diskQueues: Int?
    var ioEngine = IOEngineOption.libaio
    var noIoeventfd = false
    var shares: [ShareOption] = []
    var sharedMemory: [SharedMemoryOption] = []
    var hostDevices: [HostPCIAddress] = []
    var network: [NetworkOptions] = []
    var noDhcp = false
    var rng = false
    var balloon = false
    var console = Console.serial
    var tty: [Int] = []
    var vnc: VNCConfiguration?
    var sdl = false
    var videoMode: VideoMode?
    var virtioTransport = VirtioTransportOption.pci
    var dev = KVMSystem.defaultPath
  }

  /// Options for logs and statistics of a run.
  struct Debugging: Equatable {
    var debug = false
    var debugSingleStep = false
    var debugIoport = false
    var debugMmio = false
    var debugIodelay: Int?
    var loglevel = LogLevel.warning
    var stats = false
    var statsFile: String?
  }

  /// The device of the guest's console on the terminal.
  enum Console: String, OptionChoice {
    /// The first 16550A: `ttyS0`.
    case serial
    /// The virtio console: `hvc0`.
    case virtio
  }

  /// The least important messages that are printed.
  enum LogLevel: String, OptionChoice {
    case debug
    case info
    case warning
    case error
  }

  var machine = Machine()
  var kernel = Kernel()
  var devices = Devices()
  var debugging = Debugging()
  /// Warnings about options without effect, or with another effect than they say.
  var warnings: [String] = []

  /// Whether the guest runs `command`, or a script, and then ends.
  func runsCommand(_ command: [String]) -> Bool { !command.isEmpty || kernel.sandbox != nil }

  /// Refuses options that contradict each other, for all commands that start a guest. Needs no files.
  func check(kernelFile: String?, command: [String]) throws(LkvmFailure) {
    try devices.checkDisplays()
    for network in devices.network where network.mode == .user {
      do throws(UserNetworkError) { try UserNetworkConfiguration(network).check() } catch {
        throw .usage("--network: \(error)")
      }
    }
    try SharedMemoryOption.check(devices.sharedMemory)
    try GuestStartFile.check(self, kernelFile: kernelFile, command: command)
    try JailOption.check(self)
  }
}
