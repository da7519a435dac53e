import HostSystem
import SystemPackage

/// The counters of one guest's vmexits: a group for each vCPU. One thread.
final class ExitCounterGroup {
  /// The counters of a vCPU, the leader first.
  private let groups: [[TracepointCounter]]
  /// What they count, in their order.
  private let counters: [ExitCounter]

  /// Counters that count from now on.
  ///
  /// - Parameter probes: What is counted, each with the number of its tracepoint.
  init(threads: [ForeignThread], probes: [(probe: ExitProbe, number: UInt64)]) throws(Errno) {
    var groups: [[TracepointCounter]] = []
    for thread in threads {
      var group: [TracepointCounter] = []
      for (probe, number) in probes {
        group.append(
          try TracepointCounter(tracepoint: number, filter: probe.filter, of: thread, leader: group.first))
      }
      try group.first?.startGroup()
      groups.append(group)
    }
    self.groups = groups
    counters = probes.map(\.probe.counter)
  }

  /// What all vCPUs have counted so far. Each call interrupts those that run once.
  func values() throws(Errno) -> ExitCounterValues {
    var sum = ExitCounterValues()
    for group in groups {
      for (counter, count) in zip(counters, try group.first?.groupCounts() ?? []) { sum[counter] &+= count }
    }
    return sum
  }
}
