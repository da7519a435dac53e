import Hypervisor

/// One CSV row: one guest in one boot.
///
/// The columns are those of design §8 in its order; what it does not name follows at the end. results/SCHEMA.md
/// describes each. The coding keys are the columns, so that CSV and JSON cannot differ in names or order.
struct RunRecord: Codable, Equatable, Sendable {
  /// The version of the columns; a change of meaning, name or order makes a new one.
  static let currentSchemaVersion = 4

  var schemaVersion = Self.currentSchemaVersion
  var runID: String
  var startedAt: String
  var gitRevision: String
  var isDirty: Bool?

  var hostCPU: String
  var hostKernel: String
  var kvmBackend: KVMBackend
  var isTimingValid: Bool
  var numaNodes: Int

  var mode: DataPathMode
  var vmm: String
  var guest: GuestKind
  var guests: Int
  var workers: Int
  var pollers: Int
  var engine: BlockEngineKind
  var rw: String
  var blockBytes: UInt64
  var iodepth: Int
  var direct: Bool
  var diskBytes: UInt64
  var runtimeSeconds: Double

  var pollerCPUs: String
  var vcpuCPUs: String
  var numaNode: Int?
  var isOversubscribed: Bool

  var ios: UInt64
  var iops: Double
  var bandwidthMiBPerSecond: Double
  var latencyMeanMicroseconds: Double?
  var latencyP50Microseconds: Double?
  var latencyP90Microseconds: Double?
  var latencyP99Microseconds: Double?
  var latencyP99_9Microseconds: Double?
  var latencyMaxMicroseconds: Double?
  var errors: UInt64

  var vmexits: UInt64
  var vmexitsPerIO: Double
  var ioVMExits: UInt64
  var ioVMExitsPerIO: Double
  var exitsIO: UInt64
  var exitsMMIO: UInt64
  var exitsHalt: UInt64
  var exitsHypercall: UInt64
  var exitsIRQ: UInt64
  var irqInjections: UInt64
  var userExits: UInt64?

  var pollerCPUSeconds: Double
  var vcpuCPUSeconds: Double
  var iopsPerCPUSecond: Double

  var repetition: Int
  var guestIndex: Int
  var regionBytes: UInt64
  var warmupSeconds: Double
  var requestLimit: UInt64
  var windowSeconds: Double
  var verify: Bool
  var verifiedBlocks: UInt64
  var verifyErrors: UInt64
  var seed: UInt64

  var fileSystem: GuestFileSystem
  var guestKernel: String
  var fioVersion: String
  var fioEngine: String
  var fioJob: String
  var idleVMExitsPerSecond: Double?
  var idleIOVMExitsPerSecond: Double?
  var computingVMExitsPerSecond: Double?
  var computingIOVMExitsPerSecond: Double?
  var ioVMExitsPerIOBeyondIdle: Double?
  var ioVMExitsPerIOBeyondComputing: Double?
  var thinkTimeSeconds: Double
  var busyGuests: Int

  var pollerCPUShare: Double?
  var vcpuCPUShare: Double?
  var stealShare: Double?
  var otherShare: Double?
  var throttledSeconds: Double?
  var mixedCores: Bool?
  var clockStepSeconds: Double?

  var fioGroup: String?
  var fioBlockSizes: String?
  var fioJobCount: Int?
  var fioThread: Bool?
  var fioRate: String?

  /// The columns, in order, under the names that CSV and JSON use.
  enum CodingKeys: String, CodingKey, CaseIterable {
    case schemaVersion = "schema_version"
    case runID = "run_id"
    case startedAt = "started_at"
    case gitRevision = "git_revision"
    case isDirty = "dirty"
    case hostCPU = "host_cpu"
    case hostKernel = "host_kernel"
    case kvmBackend = "kvm_backend"
    case isTimingValid = "timing_valid"
    case numaNodes = "numa_nodes"
    case mode
    case vmm
    case guest
    case guests
    case workers
    case pollers
    case engine
    case rw
    case blockBytes = "block_bytes"
    case iodepth
    case direct
    case diskBytes = "disk_bytes"
    case runtimeSeconds = "runtime_s"
    case pollerCPUs = "poller_cpus"
    case vcpuCPUs = "vcpu_cpus"
    case numaNode = "numa_node"
    case isOversubscribed = "oversubscribed"
    case ios
    case iops
    case bandwidthMiBPerSecond = "bandwidth_mib_s"
    case latencyMeanMicroseconds = "latency_mean_us"
    case latencyP50Microseconds = "latency_p50_us"
    case latencyP90Microseconds = "latency_p90_us"
    case latencyP99Microseconds = "latency_p99_us"
    case latencyP99_9Microseconds = "latency_p99_9_us"
    case latencyMaxMicroseconds = "latency_max_us"
    case errors
    case vmexits
    case vmexitsPerIO = "vmexits_per_io"
    case ioVMExits = "io_vmexits"
    case ioVMExitsPerIO = "io_vmexits_per_io"
    case exitsIO = "exits_io"
    case exitsMMIO = "exits_mmio"
    case exitsHalt = "exits_hlt"
    case exitsHypercall = "exits_hypercall"
    case exitsIRQ = "exits_irq"
    case irqInjections = "irq_injections"
    case userExits = "user_exits"
    case pollerCPUSeconds = "poller_cpu_s"
    case vcpuCPUSeconds = "vcpu_cpu_s"
    case iopsPerCPUSecond = "iops_per_cpu_s"
    case repetition
    case guestIndex = "guest_index"
    case regionBytes = "region_bytes"
    case warmupSeconds = "warmup_s"
    case requestLimit = "requests_per_worker"
    case windowSeconds = "window_s"
    case verify
    case verifiedBlocks = "verified_blocks"
    case verifyErrors = "verify_errors"
    case seed
    case fileSystem = "fs"
    case guestKernel = "guest_kernel"
    case fioVersion = "fio_version"
    case fioEngine = "fio_ioengine"
    case fioJob = "fio_job"
    case idleVMExitsPerSecond = "idle_vmexits_per_s"
    case idleIOVMExitsPerSecond = "idle_io_vmexits_per_s"
    case computingVMExitsPerSecond = "computing_vmexits_per_s"
    case computingIOVMExitsPerSecond = "computing_io_vmexits_per_s"
    case ioVMExitsPerIOBeyondIdle = "io_vmexits_per_io_beyond_idle"
    case ioVMExitsPerIOBeyondComputing = "io_vmexits_per_io_beyond_computing"
    case thinkTimeSeconds = "think_time_s"
    case busyGuests = "busy_guests"
    case pollerCPUShare = "poller_cpu_share"
    case vcpuCPUShare = "vcpu_cpu_share"
    case stealShare = "steal_share"
    case otherShare = "other_cpu_share"
    case throttledSeconds = "throttled_s"
    case mixedCores = "mixed_cores"
    case clockStepSeconds = "clock_step_s"
    case fioGroup = "fio_group"
    case fioBlockSizes = "fio_bs"
    case fioJobCount = "fio_numjobs"
    case fioThread = "fio_thread"
    case fioRate = "fio_rate"
  }
}
