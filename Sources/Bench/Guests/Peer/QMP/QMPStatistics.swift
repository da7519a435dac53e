import Hypervisor

/// The counters of KVM as QEMU's monitor tells them (`query-stats`).
enum QMPStatistics {
  private static let names = [
    "exits", "io_exits", "mmio_exits", "halt_exits", "hypercalls", "irq_exits", "irq_injections",
  ]

  /// What the command is asked for.
  static let arguments = JSONValue.object([
    "target": .string("vcpu"),
    "providers": .array([
      .object(["provider": .string("kvm"), "names": .array(names.map { .string($0) })])
    ]),
  ])

  /// The sums over all vCPUs; nil if one of them lacks a counter, or there is none.
  static func exitCounts(_ answer: JSONValue) -> ExitCounts? {
    guard case .array(let vcpus) = answer, !vcpus.isEmpty else { return nil }
    var sum = ExitCounts()
    for vcpu in vcpus {
      guard case .array(let statistics)? = vcpu["stats"] else { return nil }
      var values: [String: UInt64] = [:]
      for statistic in statistics {
        if let name = statistic["name"]?.string { values[name] = statistic["value"]?.count }
      }
      let counts = names.compactMap { values[$0] }
      guard counts.count == names.count else { return nil }
      sum =
        sum
        + ExitCounts(
          total: counts[0], io: counts[1], mmio: counts[2], halt: counts[3], hypercall: counts[4],
          irq: counts[5], irqInjections: counts[6])
    }
    return sum
  }
}
