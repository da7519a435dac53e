import Hypervisor

/// The columns of a row, in the order of the file. Each is declared here and nowhere else.
///
/// Writing and reading of CSV and JSON, comparison and the check of results/SCHEMA.md follow from these declarations. A change of a column's
/// meaning, name or place makes a new ``RunRecord/currentSchemaVersion``; `formerName` and `formerWords` keep older rows readable.
struct RecordColumns: Sendable {
  let schemaVersion = RecordColumn<Int>("schema_version", .identity, "version of these columns: 7") { _ in
    RunRecord.currentSchemaVersion
  }
  let runID = RecordColumn<String>("run_id", .identity, unit: "UUID", "the run") {
    $0.context.identity.runID
  }
  let startedAt = RecordColumn<String>(
    "started_at", .identity, unit: "ISO 8601, UTC", "when the run (not the boot) began"
  ) { $0.context.identity.startedAt }
  let gitRevision = RecordColumn<String>(
    "git_revision", .identity, "commit of the checkout that bench was built in; `unknown` without git"
  ) { $0.context.identity.revision.name }
  let isDirty = RecordColumn<Bool?>(
    "dirty", .identity, unit: "bool", "whether tracked files differed from it; empty if unknown"
  ) { $0.context.identity.revision.isDirty }
  let hostCPU = RecordColumn<String>("host_cpu", .host, "\"model name\" of /proc/cpuinfo") {
    $0.context.host.cpuModel
  }
  let hostKernel = RecordColumn<String>("host_kernel", .host, "release of the host's kernel") {
    $0.context.host.kernel
  }
  let kvmBackend = RecordColumn<KVMBackend>(
    "kvm_backend", .host, "`vmx`, `svm`, `pvm` (software KVM), `tcg` (AMD-V emulated by QEMU's TCG) or `none`"
  ) { $0.context.host.kvmBackend }
  let isTimingValid = RecordColumn<Bool>(
    "timing_valid", .host, unit: "bool", "false where times mean nothing in absolute terms (`tcg`)"
  ) { $0.context.host.isTimingValid }
  let numaNodes = RecordColumn<Int>("numa_nodes", .host, unit: "count", "NUMA nodes of the host") {
    $0.context.host.numaNodes.count
  }
  let mode = RecordColumn<DataPathMode>(
    "mode", .configuration,
    "data path: `virtio-blk`, `virtio-blk-poll`, `virtio-blk-tuned`, `vext`, `vext-adaptive`, `vext-service`, `vhost-user-vextd`, `vhost-user-qsd`, `virtio-9p`, `virtio-fs`, or `host` (no machine)"
  ) { $0.cell.mode }
  let vmm = RecordColumn<VMM>(
    "vmm", .configuration, formerWords: VMM.formerWords,
    "what made the machine: `builtin` (bench itself), `qemu` or `kvmtool`"
  ) { $0.cell.vmm }
  let guest = RecordColumn<GuestKind>(
    "guest", .configuration, "what ran in the machine: `micro` or `linux`"
  ) { $0.configuration.guest }
  let guests = RecordColumn<Int>("guests", .configuration, unit: "count", "machines at once") {
    $0.configuration.guestCount
  }
  let workers = RecordColumn<Int>(
    "workers", .configuration, unit: "count",
    "workers of each guest: load loops, each with a vCPU and a queue of its own"
  ) { $0.configuration.workerCount }
  let ioThreads = RecordColumn<Int>(
    "io_threads", .configuration, unit: "count", formerName: "pollers", "I/O threads on the host"
  ) { $0.configuration.ioThreadCount }
  let engine = RecordColumn<BlockEngineKind>(
    "engine", .configuration,
    """
    `libaio`, `io_uring`, `sync`, `memory` (a copy of the disk in memory) or `null` (completes at once, touches no file): what the mode used, which \
    for `virtio-blk-tuned` is `io_uring` where `libaio` was asked for
    """
  ) { $0.cell.mode.engine($0.configuration.engine) }
  let rw = RecordColumn<String>("rw", .configuration, "pattern, as fio names it") {
    $0.phase?.rw ?? $0.configuration.rw.rawValue
  }
  let blockBytes = RecordColumn<UInt64>(
    "block_bytes", .configuration, unit: "B",
    "bytes per request; of a job with several sizes the first, and `fio_bs` has all"
  ) { $0.phase?.blockByteCount ?? $0.configuration.blockSize.byteCount }
  let iodepth = RecordColumn<Int>(
    "iodepth", .configuration, unit: "count",
    "requests in flight per worker; of a job file the largest of the phase"
  ) { $0.phase?.iodepth ?? $0.configuration.iodepth }
  let direct = RecordColumn<Bool>(
    "direct", .configuration, unit: "bool", "whether O_DIRECT left out the page cache"
  ) { $0.phase?.isDirect ?? $0.configuration.usesDirectIO }
  let diskBytes = RecordColumn<UInt64>("disk_bytes", .configuration, unit: "B", "size of the guest's disk") {
    $0.measurement.diskByteCount
  }
  let runtimeSeconds = RecordColumn<Double>(
    "runtime_s", .configuration, unit: "s",
    """
    the window that was asked for; 0 if only `requests_per_worker` ended it; of a job file its own \
    `runtime`, or 0 without one
    """
  ) { $0.runtime?.seconds ?? 0 }
  let ioThreadCPUs = RecordColumn<String>(
    "io_thread_cpus", .placement, unit: "CPU list", formerName: "poller_cpus",
    "CPUs that the kernel granted to each I/O thread (`0-3`: not pinned)"
  ) { $0.measurement.granted.ioThreadCPUs.joined(separator: " ") }
  let vcpuCPUs = RecordColumn<String>(
    "vcpu_cpus", .placement, unit: "CPU list", "the same for each of this guest's vCPUs"
  ) { $0.measurement.granted.vcpuCPUs.joined(separator: " ") }
  let numaNode = RecordColumn<Int?>(
    "numa_node", .placement, "node of the guest's memory; empty if it was not bound"
  ) { $0.measurement.granted.numaNode }
  let isOversubscribed = RecordColumn<Bool>(
    "oversubscribed", .placement, unit: "bool", "whether the plan had to let busy threads share a CPU"
  ) { $0.context.placement.oversubscribed }
  let ios = RecordColumn<UInt64>("ios", .result, unit: "count", "requests answered, failed ones included") {
    $0.measurement.requests
  }
  let iops = RecordColumn<Double>(
    "iops", .result, unit: "1/s", comparison: .rate(.sum),
    "sum over the workers of requests by each worker's own time; in a Linux guest all requests by the length of fio's phase"
  ) { $0.measurement.iops }
  let bandwidthMiBPerSecond = RecordColumn<Double>(
    "bandwidth_mib_s", .result, unit: "MiB/s", "`iops` times the mean number of bytes that a request moved"
  ) { $0.measurement.bandwidthMiBPerSecond }
  let latencyMeanMicroseconds = RecordColumn<Double?>(
    "latency_mean_us", .result, unit: "us", comparison: .latency(.meanPerRequest, relativeFloor: 0.03),
    """
    mean latency in the guest, from submission until the driver reads the completion; exact. These columns \
    are empty where a job file has `gtod_reduce` or keeps no latencies otherwise
    """
  ) { $0.microseconds(\.mean) }
  let latencyP50Microseconds = RecordColumn<Double?>(
    "latency_p50_us", .result, unit: "us",
    comparison: .latency(.worstGuest, relativeFloor: 0.03, isJudgedByDefault: true),
    "median latency, within 0.6 % (see below)"
  ) { $0.microseconds(\.p50) }
  let latencyP90Microseconds = RecordColumn<Double?>(
    "latency_p90_us", .result, unit: "us", comparison: .latency(.worstGuest, relativeFloor: 0.05),
    "the latency that 90 % of the requests do not exceed, within 0.6 %"
  ) { $0.microseconds(\.p90) }
  let latencyP99Microseconds = RecordColumn<Double?>(
    "latency_p99_us", .result, unit: "us",
    comparison: .latency(.worstGuest, relativeFloor: 0.10, isJudgedByDefault: true),
    "the same for 99 %"
  ) { $0.microseconds(\.p99) }
  let latencyP99_9Microseconds = RecordColumn<Double?>(
    "latency_p99_9_us", .result, unit: "us", comparison: .latency(.worstGuest, relativeFloor: 0.10),
    "the same for 99.9 %"
  ) { $0.microseconds(\.p99_9) }
  let latencyMaxMicroseconds = RecordColumn<Double?>(
    "latency_max_us", .result, unit: "us", "largest latency; exact"
  ) { $0.microseconds(\.max) }
  let errors = RecordColumn<UInt64>("errors", .result, unit: "count", "requests that ended with an error") {
    $0.measurement.errors
  }
  let vmexits = RecordColumn<UInt64>(
    "vmexits", .result, unit: "count", "all vmexits of the guest's vCPUs (KVM's `exits`)"
  ) { $0.measurement.exits.total }
  let vmexitsPerIO = RecordColumn<Double>(
    "vmexits_per_io", .result, unit: "1", digits: 9, comparison: .exits(),
    """
    `vmexits` divided by `ios`; in a Linux guest divided by the requests within `window_s`: `ios` times \
    `window_s` divided by the length of fio's phase
    """
  ) { $0.perRequest($0.measurement.exits.total) }
  let ioVMExits = RecordColumn<UInt64>(
    "io_vmexits", .result, unit: "count",
    "`vmexits` less `exits_irq`: those that the I/O path may have caused"
  ) { $0.measurement.exits.ioPath }
  let ioVMExitsPerIO = RecordColumn<Double>(
    "io_vmexits_per_io", .result, unit: "1", digits: 9, comparison: .exits(isJudgedByDefault: true),
    "the same for `io_vmexits`"
  ) { $0.perRequest($0.measurement.exits.ioPath) }
  let exitsIO = RecordColumn<UInt64>("exits_io", .result, unit: "count", "exits by port I/O (`io_exits`)") {
    $0.measurement.exits.io
  }
  let exitsMMIO = RecordColumn<UInt64>(
    "exits_mmio", .result, unit: "count", "exits by memory-mapped I/O (`mmio_exits`)"
  ) { $0.measurement.exits.mmio }
  let exitsHalt = RecordColumn<UInt64>(
    "exits_hlt", .result, unit: "count", "exits because the guest went idle (`halt_exits`)"
  ) { $0.measurement.exits.halt }
  let exitsHypercall = RecordColumn<UInt64>(
    "exits_hypercall", .result, unit: "count", "hypercalls (`hypercalls`)"
  ) { $0.measurement.exits.hypercall }
  let exitsIRQ = RecordColumn<UInt64>(
    "exits_irq", .result, unit: "count",
    "exits that the host's own interrupts caused (`irq_exits`), its timer above all"
  ) { $0.measurement.exits.irq }
  let irqInjections = RecordColumn<UInt64>(
    "irq_injections", .result, unit: "count", "interrupts put into the guest (`irq_injections`)"
  ) { $0.measurement.exits.irqInjections }
  let userExits = RecordColumn<UInt64?>(
    "user_exits", .result, unit: "count",
    "returns of `KVM_RUN` to the hypervisor's user space; empty for other VMMs"
  ) { $0.cell.vmm.isPeer ? nil : $0.measurement.exits.user }
  let ioThreadCPUSeconds = RecordColumn<Double>(
    "io_thread_cpu_s", .result, unit: "s", formerName: "poller_cpu_s", digits: 6,
    """
    CPU time of the I/O threads, QEMU's iothread and kvmtool's disk thread included; see below for several \
    guests
    """
  ) { $0.measurement.ioThreadCPUSeconds }
  let vcpuCPUSeconds = RecordColumn<Double>(
    "vcpu_cpu_s", .result, unit: "s", digits: 6, "CPU time of this guest's vCPU threads"
  ) { $0.measurement.vcpuCPUSeconds }
  let iopsPerCPUSecond = RecordColumn<Double>(
    "iops_per_cpu_s", .result, unit: "requests per CPU second", comparison: .rate(.perCPUSecond),
    "requests within `window_s` divided by the sum of `io_thread_cpu_s` and `vcpu_cpu_s`"
  ) { $0.requestsPerCPUSecond }
  let repetition = RecordColumn<Int>("repetition", .identity, "which boot of this mode, from 1") {
    $0.cell.repetition
  }
  let guestIndex = RecordColumn<Int>("guest_index", .identity, "which of the machines, from 0") {
    $0.measurement.guestIndex
  }
  let regionBytes = RecordColumn<UInt64>(
    "region_bytes", .configuration, unit: "B", "bytes of the disk that the workload touched, from its start"
  ) { $0.configuration.regionSize.byteCount }
  let warmupSeconds = RecordColumn<Double>(
    "warmup_s", .configuration, unit: "s", "work before the window; fio's ramp"
  ) { ($0.phase?.warmup ?? $0.configuration.warmup).seconds }
  let requestLimit = RecordColumn<UInt64>(
    "requests_per_worker", .configuration, unit: "count",
    "limit of requests per worker in the window; 0: none"
  ) { $0.phase == nil ? $0.configuration.requestLimit ?? 0 : 0 }
  let windowSeconds = RecordColumn<Double>(
    "window_s", .result, unit: "s", digits: 6, "length of the window by the host's clock"
  ) { $0.measurement.windowSeconds }
  let verify = RecordColumn<Bool>(
    "verify", .configuration, unit: "bool", "whether I/O blocks were marked and checked"
  ) { $0.phase?.verifies ?? $0.configuration.verifies }
  let verifiedBlocks = RecordColumn<UInt64>(
    "verified_blocks", .result, unit: "count", "I/O blocks checked in the whole boot"
  ) { $0.measurement.verifiedBlocks }
  let verifyErrors = RecordColumn<UInt64>(
    "verify_errors", .result, unit: "count", "I/O blocks among them whose content was wrong"
  ) { $0.measurement.verifyErrors }
  let seed = RecordColumn<UInt64>(
    "seed", .identity, "seed of the workload: the same for all modes of a repetition"
  ) { $0.cell.seed }
  let fileSystem = RecordColumn<GuestFileSystem>(
    "fs", .configuration, absence: .value("none"),
    """
    what is between the workload and the data path: `none`, `ext4`, `xfs`, `fuse-vext`, `fuse-on-virtio`, `fuse2fs-on-virtio`, `9p-none`, `9p-loose`, \
    `virtiofs-none`, `virtiofs-auto`, `virtiofs-always` or `fuse-on-image`
    """
  ) { $0.cell.fileSystem }
  let guestKernel = RecordColumn<String>(
    "guest_kernel", .configuration,
    """
    release of a Linux guest's kernel; this and what follows up to `io_vmexits_per_io_beyond_computing` is \
    empty for a micro guest
    """
  ) { $0.linux?.kernel ?? "" }
  let fioVersion = RecordColumn<String>("fio_version", .configuration, "as fio names it") {
    $0.linux?.fioVersion ?? ""
  }
  let fioEngine = RecordColumn<String>(
    "fio_ioengine", .configuration,
    "fio's ioengine in the guest, `io_uring-hipri` for io_uring with `hipri=1`; `engine` is the host's"
  ) { $0.fioEngine }
  let fioJob = RecordColumn<String>(
    "fio_job", .configuration, "name of the user's job file; empty for a job of bench's own"
  ) { $0.job?.name ?? "" }
  let idleVMExitsPerSecond = RecordColumn<Double?>(
    "idle_vmexits_per_s", .result, unit: "1/s",
    "exits of the idle guest before the workload; empty if not measured"
  ) { $0.linux?.idle?.vmexitsPerSecond }
  let idleIOVMExitsPerSecond = RecordColumn<Double?>(
    "idle_io_vmexits_per_s", .result, unit: "1/s", "the same without exits that the host's interrupts caused"
  ) { $0.linux?.idle?.ioVMExitsPerSecond }
  let computingVMExitsPerSecond = RecordColumn<Double?>(
    "computing_vmexits_per_s", .result, unit: "1/s",
    "exits of the guest while every vCPU computed without I/O"
  ) { $0.linux?.computing?.vmexitsPerSecond }
  let computingIOVMExitsPerSecond = RecordColumn<Double?>(
    "computing_io_vmexits_per_s", .result, unit: "1/s",
    "the same without exits that the host's interrupts caused"
  ) { $0.linux?.computing?.ioVMExitsPerSecond }
  let ioVMExitsPerIOBeyondIdle = RecordColumn<Double?>(
    "io_vmexits_per_io_beyond_idle", .result, unit: "1", digits: 9,
    """
    `io_vmexits` less `idle_io_vmexits_per_s` times `window_s`, per request; below 0 if the busy guest made \
    fewer
    """
  ) { $0.linux?.idle.map($0.measurement.ioVMExitsPerIO(beyond:)) }
  let ioVMExitsPerIOBeyondComputing = RecordColumn<Double?>(
    "io_vmexits_per_io_beyond_computing", .result, unit: "1", digits: 9,
    "the same with `computing_io_vmexits_per_s`"
  ) { $0.linux?.computing.map($0.measurement.ioVMExitsPerIO(beyond:)) }
  let thinkTimeSeconds = RecordColumn<Double>(
    "think_time_s", .configuration, unit: "s", digits: 6, absence: .value("0"),
    "how long a worker idled whenever all of its requests were answered; 0: not at all"
  ) { $0.configuration.thinkTime?.seconds ?? 0 }
  let busyGuests = RecordColumn<Int>(
    "busy_guests", .configuration, unit: "count", absence: .sameAs("guests"),
    """
    how many of `guests`, the first ones, had work. The others were booted, their queues served, their vCPUs \
    stopped: their rows have `ios` 0
    """
  ) { $0.configuration.busyGuests }
  let ioThreadCPUShare = RecordColumn<Double?>(
    "io_thread_cpu_share", .result, unit: "1", formerName: "poller_cpu_share", digits: 4,
    """
    CPU time of a polling I/O thread divided by the window; empty where I/O threads sleep, or are another \
    VMM's
    """
  ) { $0.ioThreadCPUShare }
  let vcpuCPUShare = RecordColumn<Double?>(
    "vcpu_cpu_share", .result, unit: "1", digits: 4,
    "the same for a vCPU that polls (micro guest, mode `vext`)"
  ) { $0.vcpuCPUShare }
  let stealShare = RecordColumn<Double?>(
    "steal_share", .result, unit: "1", digits: 4,
    """
    share of all CPU time within the window that a hypervisor below took; empty where the window is shorter \
    than 50 ticks of 10 ms over all CPUs
    """
  ) { $0.measurement.conditions.stealShare }
  let otherShare = RecordColumn<Double?>(
    "other_cpu_share", .result, unit: "1", digits: 4,
    "share of all CPU time within the window that work other than bench and its machines took"
  ) { $0.measurement.conditions.otherShare }
  let throttledSeconds = RecordColumn<Double?>(
    "throttled_s", .result, unit: "s", digits: 6,
    """
    how long CPU quotas (cgroups) stopped threads of bench within the window; empty where no control group \
    keeps account
    """
  ) { $0.measurement.conditions.throttledSeconds }
  let mixedCores = RecordColumn<Bool?>(
    "mixed_cores", .result, unit: "bool",
    "whether I/O threads and vCPUs ran on cores of several kinds; empty where unknown"
  ) { $0.measurement.conditions.mixedCores }
  let clockStepSeconds = RecordColumn<Double?>(
    "clock_step_s", .result, unit: "s", digits: 6,
    "by how much the host's wall clock moved against its monotonic one within a Linux guest's window"
  ) { $0.measurement.conditions.clockStepSeconds }
  let fioGroup = RecordColumn<String?>(
    "fio_group", .configuration,
    """
    the phase of the user's job file that the row describes, by the names of its jobs, if the file has \
    several; `a of a+b` is a group of it (`new_group`), whose window, vmexits and CPU times, and quotients of these, are the phase's
    """
  ) { $0.job?.groupName(ofPart: $0.measurement.part) }
  let fioBlockSizes = RecordColumn<String?>(
    "fio_bs", .configuration,
    "block sizes where there are several, as written: `bssplit=4k/60:64k/40`, `bs=4k+bs=1m`"
  ) { $0.phase?.blockSizes }
  let fioJobCount = RecordColumn<Int?>(
    "fio_numjobs", .configuration, unit: "count",
    "processes or threads of the phase, `numjobs` included; empty without a job file, or for 1"
  ) { $0.phase.flatMap { $0.jobCount > 1 ? Int(clamping: $0.jobCount) : nil } }
  let fioThread = RecordColumn<Bool?>(
    "fio_thread", .configuration, unit: "bool", absence: .value("false"),
    "whether all jobs of the phase say `thread`; empty without a job file"
  ) { $0.phase?.usesThreads }
  let fioRate = RecordColumn<String?>(
    "fio_rate", .configuration, "`rate` or `rate_iops` as written: `rate_iops=500`"
  ) { $0.phase?.rate }
  let exitCounting = RecordColumn<ExitCounting?>(
    "exit_counting", .result, "`stats`, or `trace` if vmexits were counted by cause as well"
  ) { $0.measurement.causes == nil ? .stats : .trace }
  let causeNotify = RecordColumn<UInt64?>.cause(.notify)
  let causeEOI = RecordColumn<UInt64?>.cause(.eoi)
  let causeInterruptWindow = RecordColumn<UInt64?>.cause(.interruptWindow)
  let causeHalt = RecordColumn<UInt64?>.cause(.halt)
  let causeTimer = RecordColumn<UInt64?>.cause(.timer)
  let causeIPI = RecordColumn<UInt64?>.cause(.ipi)
  let causePortIO = RecordColumn<UInt64?>.cause(.portIO)
  let causeMMIO = RecordColumn<UInt64?>.cause(.mmio)
  let causeMSR = RecordColumn<UInt64?>.cause(.msr)
  let causePageFault = RecordColumn<UInt64?>.cause(.pageFault)
  let causeException = RecordColumn<UInt64?>.cause(.exception)
  let causeCPUID = RecordColumn<UInt64?>.cause(.cpuid)
  let causePause = RecordColumn<UInt64?>.cause(.pause)
  let causeExternalInterrupt = RecordColumn<UInt64?>.cause(.externalInterrupt)
  let causeHypercall = RecordColumn<UInt64?>.cause(.hypercall)
  let causeOther = RecordColumn<UInt64?>.cause(.other)
  let tracedVMExits = RecordColumn<UInt64?>(
    "traced_vmexits", .result, unit: "count",
    """
    vmexits that KVM's tracepoint `kvm_exit` counted, the check of `vmexits`; empty where causes were not counted, \
    or where it does not fire (`pvm`)
    """
  ) { $0.measurement.causes?.traced }
  let imageType = RecordColumn<String?>(
    "mkfs", .configuration, absence: .value("ext4"),
    "type of the image that bench made for `fs`: `ext2`, `ext3` or `ext4`; empty where it made none of these"
  ) { $0.configuration.imageType(for: $0.cell.fileSystem)?.rawValue }
  let startsCold = RecordColumn<Bool?>(
    "cold_cache", .configuration, unit: "bool", absence: .value("false"),
    "whether the guest's cache was emptied, and the disk dropped from the host's, right before fio began"
  ) { $0.configuration.startsCold ?? false }
}
