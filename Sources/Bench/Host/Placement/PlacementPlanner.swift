import HostSystem

/// Places the threads and the memory of a run on a host.
///
/// The rules, in order:
///
/// 1. All is near the storage device; if its node is unknown, near the guests' memory.
/// 2. An I/O thread has a CPU of its own as long as one remains for the vCPUs, and no busy vCPU on the other hardware
///    thread of its core as long as another core is free.
/// 3. Among the cores near the device, the I/O thread takes one that serves the device's interrupts, if these go to some
///    CPUs only: on a vCPU's CPU each of them would be a vmexit.
/// 4. vCPUs get whole cores, then the cores' other hardware threads, then those of the other nodes by distance, then
///    those beside I/O threads; then they share.
enum PlacementPlanner {
  /// The placement of `request` on `topology`: the same for the same input.
  static func plan(_ request: PlacementRequest, on topology: NUMATopology) throws(PlacementError) -> Placement
  {
    try check(request, on: topology)
    let home = try HomeNode(for: request, on: topology)
    let cores = interruptsFirst(topology.usableCores(nearestTo: home.id), request, home: home.id)
    let ioThreadCPUs = ioThreadCPUs(request, cores)
    let vcpuCPUs = vcpuCPUs(request, cores, ioThreadCPUs: ioThreadCPUs)
    var placement = Placement(
      ioThreadCPUs: ioThreadCPUs, vcpuCPUs: vcpuCPUs, memoryNode: home.memoryNode,
      housekeepingCPUs: housekeepingCPUs(cores, ioThreadCPUs: ioThreadCPUs, vcpuCPUs: vcpuCPUs),
      oversubscribed: false, notes: home.notes)
    let review = PlacementReview(of: placement, request, on: topology, home: home.id)
    placement.oversubscribed = review.oversubscribed
    placement.notes += review.notes
    return placement
  }

  /// Moves the home node's cores that take the device's interrupts to the front, unless all cores take them.
  private static func interruptsFirst(_ cores: [HostCore], _ request: PlacementRequest, home: Int)
    -> [HostCore]
  {
    let first = cores.filter { core in
      core.node == home && core.cpus.contains(where: request.interruptCPUs.contains)
    }
    return first + cores.filter { core in !first.contains { $0.cpus == core.cpus } }
  }

  private static func check(_ request: PlacementRequest, on topology: NUMATopology) throws(PlacementError) {
    guard topology.cpus.contains(where: \.isUsable) else { throw .noUsableCPU }
    try check(request.ioThreadCPUs, .ioThreadCPU, on: topology)
    try check(request.vcpuCPUs, .vcpuCPUs, on: topology)
    if let id = request.numaNode {
      guard let node = topology.node(id) else { throw .unknownNode(id, .numaNode) }
      guard node.hasMemory else { throw .nodeWithoutMemory(id, .numaNode) }
    }
  }

  private static func check(
    _ cpus: [Int]?, _ option: PlacementError.Option, on topology: NUMATopology
  ) throws(PlacementError) {
    guard let cpus else { return }
    guard !cpus.isEmpty else { throw .emptyList(option) }
    for id in cpus {
      guard let cpu = topology.cpu(id) else { throw .unknownCPU(id, option) }
      guard cpu.isOnline else { throw .offlineCPU(id, option) }
      guard cpu.isAllowed else { throw .forbiddenCPU(id, option) }
    }
  }

  private static func ioThreadCPUs(_ request: PlacementRequest, _ cores: [HostCore]) -> [Int] {
    let taken = Set(request.vcpuCPUs ?? [])
    var order = request.ioThreadCPUs ?? []
    if order.isEmpty {
      var free = cores.filter { taken.isDisjoint(with: $0.cpus) }
      var last: [HostCore] = []
      // One whole core stays for the vCPUs, so that none of them runs beside an I/O thread.
      if taken.isEmpty, free.count > 1 { last = [free.removeLast()] }
      order = free.cpusWholeCoresFirst + last.cpusWholeCoresFirst
      order += cores.filter { !taken.isDisjoint(with: $0.cpus) }.cpusWholeCoresFirst.filter {
        !taken.contains($0)
      }
      if taken.isEmpty, order.count > 1 { order.removeLast() }
      if order.isEmpty { order = cores.cpusWholeCoresFirst }
    }
    return (0..<request.ioThreads).map { order[$0 % order.count] }
  }

  private static func vcpuCPUs(_ request: PlacementRequest, _ cores: [HostCore], ioThreadCPUs: [Int])
    -> [[Int]]
  {
    var order = request.vcpuCPUs ?? []
    if order.isEmpty {
      let taken = Set(ioThreadCPUs)
      let besideIOThreads = cores.filter { !taken.isDisjoint(with: $0.cpus) }
      order = cores.filter { taken.isDisjoint(with: $0.cpus) }.cpusWholeCoresFirst
      order += besideIOThreads.cpusWholeCoresFirst.filter { !taken.contains($0) }
      if order.isEmpty { order = cores.cpusWholeCoresFirst }
    }
    return (0..<request.guests).map { guest in
      (0..<request.vcpusPerGuest).map { order[(guest * request.vcpusPerGuest + $0) % order.count] }
    }
  }

  /// The first of these that leaves any: free cores, free CPUs, CPUs of vCPUs, all.
  private static func housekeepingCPUs(_ cores: [HostCore], ioThreadCPUs: [Int], vcpuCPUs: [[Int]]) -> CPUSet
  {
    let ioThreads = Set(ioThreadCPUs)
    let busy = ioThreads.union(vcpuCPUs.joined())
    let all = cores.flatMap(\.cpus)
    let choices = [
      cores.filter { busy.isDisjoint(with: $0.cpus) }.flatMap(\.cpus), all.filter { !busy.contains($0) },
      all.filter { !ioThreads.contains($0) },
    ]
    return CPUSet(choices.first { !$0.isEmpty } ?? all)
  }
}

/// Where every busy thread of a run, and the guests' memory, go.
struct Placement: Equatable, Sendable {
  /// The CPU of each I/O thread.
  var ioThreadCPUs: [Int]
  /// The CPU of each vCPU, by guest.
  var vcpuCPUs: [[Int]]
  /// The node that the guests' memory is bound to.
  var memoryNode: Int
  /// Where the threads that mostly sleep go, such as the controlling one: off the I/O threads' CPUs, and off those
  /// of the vCPUs, as far as others are left.
  var housekeepingCPUs: CPUSet
  /// Whether a CPU has more than one busy thread, so that measured times include waiting for it.
  var oversubscribed: Bool
  /// The compromises, a sentence each, for a person to read.
  var notes: [String]
}
