/// The machine that a run took place on, as far as it affects the results.
struct HostDescription: Codable, Equatable, Sendable {
  /// One NUMA node.
  struct Node: Codable, Equatable, Sendable {
    /// The node's number.
    var id: Int
    /// Its CPUs, in the kernel's list form.
    var cpus: String
    /// Its memory, in bytes.
    var memoryBytes: UInt64

    enum CodingKeys: String, CodingKey {
      case id
      case cpus
      case memoryBytes = "memory_bytes"
    }
  }

  /// "model name" of /proc/cpuinfo.
  var cpuModel: String
  /// CPUs that are online.
  var onlineCPUCount: Int
  /// Whether SMT siblings are active; nil if the kernel does not say.
  var isSMTActive: Bool?
  /// Frequency governor of CPU 0; nil where the host has none to choose (as in a virtual machine).
  var governor: String?
  /// Release of the running kernel.
  var kernel: String
  /// What executes guest code.
  var kvmBackend: KVMBackend
  /// Whether times that are measured here mean anything in absolute terms.
  var isTimingValid: Bool
  /// The current clock source.
  var clockSource: String
  /// NUMA nodes, by number.
  var numaNodes: [Node]
  /// All memory, in bytes.
  var memoryBytes: UInt64
  /// Memory that could be had when the run began, in bytes.
  var availableMemoryBytes: UInt64
  /// The chosen setting of transparent huge pages: `always`, `madvise` or `never`.
  var transparentHugePages: String
  /// The kernel's word on each CPU vulnerability, by its name.
  var mitigations: [String: String]
  /// Load averages over 1, 5 and 15 minutes when the run began.
  var loadAverage: [Double]
  /// The CPUs in detail; nil, as all that follows, in records that were made before it existed.
  var processor: ProcessorDescription?
  /// Settings of the kernel.
  var kernelSettings: KernelSettings?
  /// The parameters of each of KVM's modules, by its name.
  var kvmModules: [String: [String: String]]?
  /// Reserved huge pages by node and size.
  var hugePages: [HugePages]?
  /// What is below this host, if it is a virtual machine.
  var virtualMachine: VirtualMachineDescription?
  /// What holds the image of the run.
  var storage: StorageDescription?
  /// The host's fio, as it names itself.
  var fioVersion: String?

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case cpuModel = "cpu_model"
    case onlineCPUCount = "online_cpus"
    case isSMTActive = "smt_active"
    case governor
    case kernel
    case kvmBackend = "kvm_backend"
    case isTimingValid = "timing_valid"
    case clockSource = "clock_source"
    case numaNodes = "numa_nodes"
    case memoryBytes = "memory_bytes"
    case availableMemoryBytes = "available_memory_bytes"
    case transparentHugePages = "transparent_huge_pages"
    case mitigations
    case loadAverage = "load_average"
    case processor
    case kernelSettings = "kernel_settings"
    case kvmModules = "kvm_modules"
    case hugePages = "huge_pages"
    case virtualMachine = "virtual_machine"
    case storage
    case fioVersion = "fio_version"
  }

  /// One line for people: CPU, kernel, backend.
  var summary: String {
    "\(cpuModel), \(onlineCPUCount) CPUs, \(numaNodes.count) NUMA node(s), Linux \(kernel), KVM: \(kvmBackend.rawValue)"
  }
}

/// What this host, itself a virtual machine, runs on.
struct VirtualMachineDescription: Codable, Equatable, Sendable {
  /// Who made the machine, by its firmware.
  var vendor: String?
  /// What it is called there.
  var product: String?
  /// The share of all time since the boot in which the hypervisor below kept a CPU from working.
  var stealShare: Double?

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case vendor
    case product
    case stealShare = "steal_share"
  }
}
