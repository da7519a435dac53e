/// The counters of a running guest, for users and scripts: `name: value` lines, with units in the names.
struct GuestMetrics {
  var exits: ExitCounts
  /// The counters of the disks.
  var disks: [(name: String, value: UInt64)] = []
  /// The counters of the network cards; nil for one whose frames pass by this process.
  var networks: [VirtioNetStatistics?] = []
  /// The size of the guest's balloon in MiB; nil without a balloon.
  var balloonMiB: UInt64?
  /// The memory statistics that the guest reported.
  var memory: BalloonStatistics?
  /// The reason why there are no memory statistics.
  var memoryUnavailable: String?

  init(exits: ExitCounts) { self.exits = exits }

  /// The lines.
  var text: String {
    var lines: [(String, UInt64)] = [
      ("vmexits", exits.total), ("vmexits_port_io", exits.io), ("vmexits_mmio", exits.mmio),
      ("vmexits_halt", exits.halt), ("vmexits_hypercall", exits.hypercall), ("vmexits_host_irq", exits.irq),
      ("user_exits", exits.user), ("irq_injections", exits.irqInjections),
    ]
    lines += disks.map { ($0.name, $0.value) }
    for (index, counters) in networks.enumerated() {
      guard let network = counters else { continue }
      lines += [
        ("net\(index)_received_frames", network.receivedFrames),
        ("net\(index)_receive_drops", network.receiveDrops),
        ("net\(index)_refused_buffers", network.refusedBuffers),
        ("net\(index)_sent_frames", network.sentFrames),
        ("net\(index)_send_drops", network.sendDrops),
      ]
    }
    if let balloonMiB { lines.append(("balloon_mib", balloonMiB)) }
    if let memory { lines += Self.metrics(of: memory) }
    let reason = memoryUnavailable.map { "memory_unavailable: \($0)\n" } ?? ""
    return lines.map { "\($0): \($1)\n" }.joined() + reason
  }

  private static func metrics(of memory: BalloonStatistics) -> [(String, UInt64)] {
    let all: [(String, UInt64?)] = [
      ("memory_total_bytes", memory.totalByteCount), ("memory_free_bytes", memory.freeByteCount),
      ("memory_available_bytes", memory.availableByteCount),
      ("memory_cached_bytes", memory.cachedByteCount),
      ("swapped_in_bytes", memory.swappedInByteCount),
      ("swapped_out_bytes", memory.swappedOutByteCount), ("major_faults", memory.majorFaultCount),
      ("minor_faults", memory.minorFaultCount),
      ("huge_page_allocations", memory.hugePageAllocationCount),
      ("huge_page_failures", memory.hugePageFailureCount),
    ]
    return all.compactMap { name, value in value.map { (name, $0) } }
  }
}
