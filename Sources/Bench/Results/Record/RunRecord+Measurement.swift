import Hypervisor

extension RunRecord {
  /// The row of `measurement`, taken in `cell` of the run that `context` describes.
  init(context: RunContext, cell: RunCell, measurement: CellMeasurement) {
    let configuration = context.configuration
    let latency = LatencySummary(measurement.latency)
    let exits = measurement.exits
    let requests = measurement.windowRequests
    let job = configuration.linux?.job
    let phase = job?.phases[measurement.phase]
    let hasLatencies = !measurement.latency.entries.isEmpty || phase == nil
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
    vmm = cell.vmm.rawValue
    guest = configuration.guest
    guests = configuration.guestCount
    workers = configuration.workerCount
    pollers = configuration.pollerCount
    engine = cell.mode.engine(configuration.engine)
    rw = phase?.rw ?? configuration.rw.rawValue
    blockBytes = phase?.blockByteCount ?? configuration.blockSize.byteCount
    iodepth = phase?.iodepth ?? configuration.iodepth
    direct = phase?.isDirect ?? configuration.usesDirectIO
    diskBytes = measurement.diskByteCount
    runtimeSeconds = (phase == nil ? configuration.runtime : phase?.runtime)?.seconds ?? 0

    pollerCPUs = measurement.granted.pollerCPUs.joined(separator: " ")
    vcpuCPUs = measurement.granted.vcpuCPUs.joined(separator: " ")
    numaNode = measurement.granted.numaNode
    isOversubscribed = context.placement.oversubscribed

    ios = measurement.requests
    iops = measurement.iops
    bandwidthMiBPerSecond = measurement.bandwidthMiBPerSecond
    latencyMeanMicroseconds = hasLatencies ? latency.mean / 1000 : nil
    latencyP50Microseconds = hasLatencies ? latency.p50 / 1000 : nil
    latencyP90Microseconds = hasLatencies ? latency.p90 / 1000 : nil
    latencyP99Microseconds = hasLatencies ? latency.p99 / 1000 : nil
    latencyP99_9Microseconds = hasLatencies ? latency.p99_9 / 1000 : nil
    latencyMaxMicroseconds = hasLatencies ? latency.max / 1000 : nil
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
    userExits = cell.vmm.isPeer ? nil : exits.user

    pollerCPUSeconds = measurement.pollerCPUSeconds
    vcpuCPUSeconds = measurement.vcpuCPUSeconds
    iopsPerCPUSecond = cpuSeconds > 0 ? requests / cpuSeconds : 0

    repetition = cell.repetition
    guestIndex = measurement.guestIndex
    regionBytes = configuration.regionSize.byteCount
    warmupSeconds = (phase?.warmup ?? configuration.warmup).seconds
    requestLimit = phase == nil ? configuration.requestLimit ?? 0 : 0
    windowSeconds = measurement.windowSeconds
    verify = phase?.verifies ?? configuration.verifies
    verifiedBlocks = measurement.verifiedBlocks
    verifyErrors = measurement.verifyErrors
    seed = cell.seed

    fileSystem = cell.fileSystem
    let linux = measurement.linux
    guestKernel = linux?.kernel ?? ""
    fioVersion = linux?.fioVersion ?? ""
    fioEngine = linux == nil ? "" : phase?.ioengine ?? configuration.linux?.ioengine.rawValue ?? ""
    fioJob = job?.name ?? ""
    idleVMExitsPerSecond = linux?.idle?.vmexitsPerSecond
    idleIOVMExitsPerSecond = linux?.idle?.ioVMExitsPerSecond
    computingVMExitsPerSecond = linux?.computing?.vmexitsPerSecond
    computingIOVMExitsPerSecond = linux?.computing?.ioVMExitsPerSecond
    ioVMExitsPerIOBeyondIdle = linux?.idle.map(measurement.ioVMExitsPerIO(beyond:))
    ioVMExitsPerIOBeyondComputing = linux?.computing.map(measurement.ioVMExitsPerIO(beyond:))
    thinkTimeSeconds = configuration.thinkTime?.seconds ?? 0
    busyGuests = configuration.busyGuests

    let window = measurement.windowSeconds
    let isOurs = !cell.vmm.isPeer && window > 0
    // The time of all I/O threads was divided among the guests.
    let pollerSeconds = measurement.pollerCPUSeconds * Double(configuration.guestCount)
    pollerCPUShare =
      isOurs && cell.mode.ioThreadPolls ? pollerSeconds / (window * Double(configuration.pollerCount)) : nil
    let vcpuPolls = configuration.guest == .micro && cell.mode.microGuestPolls && measurement.requests > 0
    vcpuCPUShare =
      isOurs && vcpuPolls
      ? measurement.vcpuCPUSeconds / (window * Double(configuration.workerCount)) : nil
    let conditions = measurement.conditions
    stealShare = conditions.stealShare
    otherShare = conditions.otherShare
    throttledSeconds = conditions.throttledSeconds
    mixedCores = conditions.mixedCores
    clockStepSeconds = conditions.clockStepSeconds

    fioGroup = job?.groupName(ofPhase: measurement.phase)
    fioBlockSizes = phase?.blockSizes
    fioJobCount = phase.flatMap { $0.jobCount > 1 ? Int(clamping: $0.jobCount) : nil }
    fioThread = phase?.usesThreads
    fioRate = phase?.rate
  }
}

extension CellMeasurement {
  /// How many requests the window of ``exits`` stands for: all of them, or in a Linux guest those of the part of fio's
  /// measured phase that was cut out.
  var windowRequests: Double {
    guard let linux, linux.measuredSeconds > 0 else { return Double(requests) }
    return Double(requests) * windowSeconds / linux.measuredSeconds
  }

  /// I/O vmexits per request beyond those that the guest makes anyway, at `rates`. Negative where it made fewer.
  func ioVMExitsPerIO(beyond rates: ExitRates) -> Double {
    guard windowRequests > 0 else { return 0 }
    return (Double(exits.ioPath) - rates.ioVMExitsPerSecond * windowSeconds) / windowRequests
  }

  /// Bytes moved per second, from the requests per second and the bytes that a request moved on average.
  var bandwidthMiBPerSecond: Double {
    requests > 0 ? iops * Double(bytes) / Double(requests) / 1_048_576 : 0
  }
}
