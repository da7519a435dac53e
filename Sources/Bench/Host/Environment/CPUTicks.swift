/// What all CPUs together did, in ticks of the kernel's clock (the first line of /proc/stat, proc(5)).
struct CPUTicks: Codable, Equatable, Sendable {
  /// Work of any kind, interrupts among it.
  var busy: UInt64
  /// Nothing to do, or only waiting for a disk.
  var idle: UInt64
  /// Work that a hypervisor below did not let them do.
  var steal: UInt64

  /// Their sum.
  var total: UInt64 { busy &+ idle &+ steal }
  /// Steal by all.
  var stealShare: Double { total == 0 ? 0 : Double(steal) / Double(total) }
  /// What was not idle by all.
  var busyShare: Double { total == 0 ? 0 : 1 - Double(idle) / Double(total) }

  /// What lies between `earlier` and this; a counter that ran backwards, as idle may, counts as unchanged.
  func since(_ earlier: CPUTicks) -> CPUTicks {
    CPUTicks(
      busy: busy - min(busy, earlier.busy), idle: idle - min(idle, earlier.idle),
      steal: steal - min(steal, earlier.steal))
  }
}

extension CPUTicks {
  /// Reads /proc/stat; nil if it does not begin as documented.
  init?(_ files: KernelFiles) {
    let words = (files.lines("proc/stat").first ?? "").split(separator: " ")
    // user nice system idle iowait irq softirq steal; guest time is counted in user, too.
    let counts = words.dropFirst().prefix(8).compactMap { UInt64($0) }
    guard words.first == "cpu", counts.count == 8 else { return nil }
    busy = [0, 1, 2, 5, 6].reduce(0) { $0 &+ counts[$1] }
    idle = counts[3] &+ counts[4]
    steal = counts[7]
  }
}
