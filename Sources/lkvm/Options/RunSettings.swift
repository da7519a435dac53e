import Hypervisor

/// What the options of `lkvm run` and `lkvm sandbox` say, apart from how they are read.
struct RunSettings: Equatable {
  /// Name, vCPUs and memory.
  struct Machine: Equatable {
    var name: String?
    var cpus: Int?
    var mem: MemorySize?
    var pin: String?
    var numaNode: Int?
    var hugePages = false
    var anyKvm = false
  }

  /// What the guest boots.
  struct Kernel: Equatable {
    var kernel: String?
    var initrd: String?
    var params: [String] = []
    var sandbox: String?
    var nodefaults = false
  }

  /// What is plugged into the machine.
  struct Devices: Equatable {
    var disk: [DiskOption] = []
    var vext: [VextOption] = []
    var diskQueues: Int?
    var ioEngine = IOEngineOption.libaio
    var noIoeventfd = false
    var shares: [ShareOption] = []
    var network: [String] = []
    var noDhcp = false
    var rng = false
    var balloon = false
    var console = ConsoleOption.serial
    var tty: [Int] = []
    var virtioTransport = VirtioTransportOption.pci
    var dev = KVMSystem.defaultPath
  }

  /// What is told about a run.
  struct Debugging: Equatable {
    var debug = false
    var debugSingleStep = false
    var debugIoport = false
    var debugMmio = false
    var debugIodelay: Int?
    var loglevel = LogLevelOption.warning
    var stats = false
    var statsFile: String?
  }

  var machine = Machine()
  var kernel = Kernel()
  var devices = Devices()
  var debugging = Debugging()

  /// Whether the guest runs `command`, or a script, and then ends.
  func runsCommand(_ command: [String]) -> Bool { !command.isEmpty || kernel.sandbox != nil }
}
