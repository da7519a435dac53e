import HostSystem

/// Reviews a finished placement, planned or requested, and notes its compromises.
struct PlacementReview {
  private(set) var oversubscribed = false
  private(set) var notes: [String] = []

  init(of placement: Placement, _ request: PlacementRequest, on topology: NUMATopology, home: Int) {
    let ioThreads = placement.ioThreadCPUs
    let vcpus = Array(placement.vcpuCPUs.prefix(request.busyGuests).joined())
    reviewOverrides(request, vcpuCount: request.guests * request.vcpusPerGuest)
    reviewNodes(ioThreads, vcpus, on: topology, home: home)
    reviewSharedCPUs(ioThreads, vcpus, request, on: topology)
    reviewSharedCores(ioThreads, vcpus, on: topology)
  }

  private mutating func reviewOverrides(_ request: PlacementRequest, vcpuCount: Int) {
    if let cpus = request.ioThreadCPUs, cpus.count > request.ioThreads {
      notes.append("Of the \(cpus.count) CPUs of --io-thread-cpus the first \(request.ioThreads) are used.")
    }
    if let cpus = request.vcpuCPUs, cpus.count > vcpuCount {
      notes.append("Of the \(cpus.count) CPUs of --vcpu-cpus the first \(vcpuCount) are used.")
    }
  }

  private mutating func reviewNodes(_ ioThreads: [Int], _ vcpus: [Int], on topology: NUMATopology, home: Int)
  {
    let isAway = { (cpu: Int) in topology.cpu(cpu)?.node != home }
    let awayIOThreads = ioThreads.count(where: isAway)
    if awayIOThreads > 0 {
      notes.append(
        "\(Self.part(awayIOThreads, of: ioThreads.count, "I/O thread")) outside NUMA node \(home).")
    }
    let awayVCPUs = vcpus.count(where: isAway)
    if awayVCPUs > 0 {
      notes.append("\(Self.part(awayVCPUs, of: vcpus.count, "vCPU")) outside NUMA node \(home).")
    }
  }

  private mutating func reviewSharedCPUs(
    _ ioThreads: [Int], _ vcpus: [Int], _ request: PlacementRequest, on topology: NUMATopology
  ) {
    let ioThreadCPUs = Set(ioThreads)
    let vcpuCPUs = Set(vcpus)
    oversubscribed = ioThreadCPUs.union(vcpuCPUs).count < ioThreads.count + vcpus.count
    if oversubscribed, request.ioThreadCPUs == nil, request.vcpuCPUs == nil {
      let usable = topology.cpus.count(where: \.isUsable)
      notes.append(
        "\(usable) usable CPU\(usable == 1 ? " is" : "s are") too few for \(ioThreads.count + vcpus.count) busy threads."
      )
    }
    let both = ioThreadCPUs.intersection(vcpuCPUs)
    let sharers = [
      ("\(ioThreads.count) I/O threads", ioThreadCPUs, ioThreadCPUs.count < ioThreads.count),
      ("\(vcpus.count) vCPUs", vcpuCPUs, vcpuCPUs.count < vcpus.count),
      ("I/O threads and vCPUs", both, !both.isEmpty),
    ]
    for (who, cpus, share) in sharers where share {
      notes.append("\(who) share \(Self.cpus(cpus)) and wait for one another.")
    }
  }

  private mutating func reviewSharedCores(_ ioThreads: [Int], _ vcpus: [Int], on topology: NUMATopology) {
    let vcpuCPUs = Set(vcpus)
    let siblings = { (cpu: Int) in Set(topology.cpu(cpu)?.siblings.sorted ?? []).subtracting([cpu]) }
    let crowded = Set(ioThreads).filter { !siblings($0).isDisjoint(with: vcpuCPUs) }
    if !crowded.isEmpty {
      notes.append(
        "A vCPU runs on the other hardware thread of an I/O thread's core (\(Self.cpus(crowded))).")
    }
    let pairs = Set(ioThreads).filter { !siblings($0).isDisjoint(with: ioThreads) }
    if !pairs.isEmpty {
      notes.append("I/O threads run on hardware threads of the same core (\(Self.cpus(pairs))).")
    }
    let halves = vcpus.count { !siblings($0).isDisjoint(with: vcpuCPUs) }
    if halves > 0 {
      notes.append("\(Self.part(halves, of: vcpus.count, "vCPU")) on a core that another vCPU uses, too.")
    }
  }

  /// `1 of 4 vCPUs runs`.
  private static func part(_ count: Int, of total: Int, _ noun: String) -> String {
    "\(count) of \(total) \(noun)\(total == 1 ? "" : "s") \(count == 1 ? "runs" : "run")"
  }

  private static func cpus(_ cpus: Set<Int>) -> String {
    "\(cpus.count == 1 ? "CPU" : "CPUs") \(CPUSet(cpus))"
  }
}
