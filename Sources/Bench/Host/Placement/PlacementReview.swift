import HostSystem

/// Looks at a finished placement, chosen or asked for, and says where it is not what one would wish for.
struct PlacementReview {
  private(set) var oversubscribed = false
  private(set) var notes: [String] = []

  init(of placement: Placement, _ request: PlacementRequest, on topology: NUMATopology, home: Int) {
    let pollers = placement.pollerCPUs
    let vcpus = Array(placement.vcpuCPUs.prefix(request.busyGuests).joined())
    reviewOverrides(request, vcpuCount: request.guests * request.vcpusPerGuest)
    reviewNodes(pollers, vcpus, on: topology, home: home)
    reviewSharedCPUs(pollers, vcpus, request, on: topology)
    reviewSharedCores(pollers, vcpus, on: topology)
  }

  private mutating func reviewOverrides(_ request: PlacementRequest, vcpuCount: Int) {
    if let cpus = request.pollerCPUs, cpus.count > request.pollers {
      notes.append("Of the \(cpus.count) CPUs of --poller-cpu the first \(request.pollers) are used.")
    }
    if let cpus = request.vcpuCPUs, cpus.count > vcpuCount {
      notes.append("Of the \(cpus.count) CPUs of --vcpu-cpus the first \(vcpuCount) are used.")
    }
  }

  private mutating func reviewNodes(_ pollers: [Int], _ vcpus: [Int], on topology: NUMATopology, home: Int) {
    let isAway = { (cpu: Int) in topology.cpu(cpu)?.node != home }
    let awayPollers = pollers.count(where: isAway)
    if awayPollers > 0 {
      notes.append("\(Self.part(awayPollers, of: pollers.count, "I/O thread")) outside NUMA node \(home).")
    }
    let awayVCPUs = vcpus.count(where: isAway)
    if awayVCPUs > 0 {
      notes.append("\(Self.part(awayVCPUs, of: vcpus.count, "vCPU")) outside NUMA node \(home).")
    }
  }

  private mutating func reviewSharedCPUs(
    _ pollers: [Int], _ vcpus: [Int], _ request: PlacementRequest, on topology: NUMATopology
  ) {
    let pollerCPUs = Set(pollers)
    let vcpuCPUs = Set(vcpus)
    oversubscribed = pollerCPUs.union(vcpuCPUs).count < pollers.count + vcpus.count
    if oversubscribed, request.pollerCPUs == nil, request.vcpuCPUs == nil {
      let usable = topology.cpus.count(where: \.isUsable)
      notes.append(
        "\(usable) usable CPU\(usable == 1 ? " is" : "s are") too few for \(pollers.count + vcpus.count) busy threads."
      )
    }
    let both = pollerCPUs.intersection(vcpuCPUs)
    let sharers = [
      ("\(pollers.count) I/O threads", pollerCPUs, pollerCPUs.count < pollers.count),
      ("\(vcpus.count) vCPUs", vcpuCPUs, vcpuCPUs.count < vcpus.count),
      ("I/O threads and vCPUs", both, !both.isEmpty),
    ]
    for (who, cpus, share) in sharers where share {
      notes.append("\(who) share \(Self.cpus(cpus)) and wait for one another.")
    }
  }

  private mutating func reviewSharedCores(_ pollers: [Int], _ vcpus: [Int], on topology: NUMATopology) {
    let vcpuCPUs = Set(vcpus)
    let siblings = { (cpu: Int) in Set(topology.cpu(cpu)?.siblings.sorted ?? []).subtracting([cpu]) }
    let crowded = Set(pollers).filter { !siblings($0).isDisjoint(with: vcpuCPUs) }
    if !crowded.isEmpty {
      notes.append(
        "A vCPU runs on the other hardware thread of an I/O thread's core (\(Self.cpus(crowded))).")
    }
    let pairs = Set(pollers).filter { !siblings($0).isDisjoint(with: pollers) }
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
