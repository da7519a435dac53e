import Hypervisor

extension RunRecord {
  /// The row of `measurement`, taken in `cell` of the run that `context` describes.
  init(context: RunContext, cell: RunCell, measurement: CellMeasurement) {
    let configuration = context.configuration
    let latency = LatencySummary(measurement.latency)
    let exits = measurement.exits
    let requests = Double(measurement.requests)
    let cpuSeconds = measurement.pollerCPUSeconds + measurement.vcpuCPUSeconds

    runID = context.identity.runID
    startedAt = context.identity.startedAt
    gitRevision = context.identity.revision.name
    isDirty = context.identity.revision.isDirty

    hostCPU = context.host.cpuModel
    hostKernel = context.host.kernel
    kvmBackend = context.host.kvmBackend
    isTimingValid = context.host.isTimingValid
    numaNodes = context.host.numaNodes.count

    mode = cell.mode
    vmm = "vext"
    guest = configuration.guest
    guests = configuration.guestCount
    workers = configuration.workerCount
    pollers = configuration.pollerCount
    engine = configuration.engine
    rw = configuration.rw
    blockBytes = configuration.blockSize.byteCount
    iodepth = configuration.iodepth
    direct = configuration.usesDirectIO
    diskBytes = measurement.diskByteCount
    runtimeSeconds = configuration.runtime?.seconds ?? 0

    pollerCPUs = measurement.granted.pollerCPUs.joined(separator: " ")
    vcpuCPUs = measurement.granted.vcpuCPUs.joined(separator: " ")
    numaNode = measurement.granted.numaNode
    isOversubscribed = context.placement.oversubscribed

    ios = measurement.requests
    iops = measurement.iops
    bandwidthMiBPerSecond = measurement.bandwidthMiBPerSecond
    latencyMeanMicroseconds = latency.mean / 1000
    latencyP50Microseconds = latency.p50 / 1000
    latencyP90Microseconds = latency.p90 / 1000
    latencyP99Microseconds = latency.p99 / 1000
    latencyP99_9Microseconds = latency.p99_9 / 1000
    latencyMaxMicroseconds = latency.max / 1000
    errors = measurement.errors

    vmexits = exits.total
    vmexitsPerIO = requests > 0 ? Double(exits.total) / requests : 0
    ioVMExits = exits.ioPath
    ioVMExitsPerIO = requests > 0 ? Double(exits.ioPath) / requests : 0
    exitsIO = exits.io
    exitsMMIO = exits.mmio
    exitsHalt = exits.halt
    exitsHypercall = exits.hypercall
    exitsIRQ = exits.irq
    irqInjections = exits.irqInjections
    userExits = exits.user

    pollerCPUSeconds = measurement.pollerCPUSeconds
    vcpuCPUSeconds = measurement.vcpuCPUSeconds
    iopsPerCPUSecond = cpuSeconds > 0 ? measurement.iops / cpuSeconds : 0

    repetition = cell.repetition
    guestIndex = measurement.guestIndex
    regionBytes = configuration.regionSize.byteCount
    warmupSeconds = configuration.warmup.seconds
    requestLimit = configuration.requestLimit ?? 0
    windowSeconds = measurement.windowSeconds
    verify = configuration.verifies
    verifiedBlocks = measurement.verifiedBlocks
    verifyErrors = measurement.verifyErrors
    seed = cell.seed
  }
}

extension CellMeasurement {
  /// Bytes moved per second, from the requests per second and the bytes that a request moved on average.
  var bandwidthMiBPerSecond: Double {
    requests > 0 ? iops * Double(bytes) / Double(requests) / 1_048_576 : 0
  }
}
