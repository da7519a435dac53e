import Foundation
import Testing

@testable import Bench

struct TrustIssueTests {
  private func issues(_ change: (inout RunRecord) -> Void) throws -> Set<TrustIssue> {
    let rows = BootRows.rows(iops: [1000]) { row in
      row.ioThreadCPUShare = 1
      row.vcpuCPUShare = 1
      change(&row)
    }
    return try #require(BootRows.boots(rows).first).doubts
  }

  @Test("a quiet boot has no mark")
  func quiet() throws {
    #expect(try issues { _ in } == [])
  }

  @Test("each column that says what spoiled a boot makes it doubtful")
  func columns() throws {
    #expect(try issues { $0.ioThreadCPUShare = 0.94 } == [.ioThreadCPU])
    #expect(try issues { $0.vcpuCPUShare = 0.94 } == [.vcpuCPU])
    #expect(try issues { $0.stealShare = 0.01 } == [.steal])
    #expect(try issues { $0.otherShare = 0.1 } == [.load])
    #expect(try issues { $0.ios = 999 } == [.fewRequests])
    #expect(try issues { $0.throttledSeconds = 0.001 } == [.throttled])
    #expect(try issues { $0.mixedCores = true } == [.mixedCores])
    #expect(try issues { $0.clockStepSeconds = 0.02 } == [.clockStep])
    #expect(try issues { $0.isOversubscribed = true } == [.oversubscribed])
  }

  @Test(
    "what other work and a hypervisor below took is computed from the host's accounts, if these are fine enough"
  )
  func accounts() {
    let before = HostAccounts(
      ticks: CPUTicks(busy: 100, idle: 1000, steal: 0), throttledNanoseconds: 5, ownNanoseconds: 0)
    // Two CPUs for two seconds: 400 ticks, of which bench used 200, others 100 and the hypervisor 40.
    let after = HostAccounts(
      ticks: CPUTicks(busy: 400, idle: 1060, steal: 40), throttledNanoseconds: 1_000_000_005,
      ownNanoseconds: 2_000_000_000)
    let conditions = after.conditions(since: before)
    #expect(conditions.stealShare == 0.1)
    #expect(isClose(conditions.otherShare, 0.25))
    #expect(conditions.throttledSeconds == 1)
    let soon = HostAccounts(
      ticks: CPUTicks(busy: 110, idle: 1010, steal: 0), throttledNanoseconds: nil, ownNanoseconds: 0)
    #expect(soon.conditions(since: before) == WindowConditions())
  }

  @Test("the time that quotas took is the sum over the groups of both versions, and nil without any")
  func quotas() throws {
    let folder = try TemporaryFolder()
    func write(_ text: String, _ path: String) throws {
      let file = URL(filePath: folder.file(path))
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    let files = KernelFiles(root: folder.path)
    #expect(ControlGroup.throttledNanoseconds(files) == nil)
    try write("0::/a/b\n", "proc/self/cgroup")
    try write("", "sys/fs/cgroup/cgroup.procs")
    try write("usage_usec 7\nnr_throttled 2\nthrottled_usec 30\n", "sys/fs/cgroup/a/b/cpu.stat")
    try write("throttled_usec 4\n", "sys/fs/cgroup/a/cpu.stat")
    #expect(ControlGroup.throttledNanoseconds(files) == 34_000)
    try write("4:cpu,cpuacct:/c\n3:memory:/m\n0::/\n", "proc/self/cgroup")
    try write("", "sys/fs/cgroup/cpu,cpuacct/cgroup.procs")
    try write("nr_periods 9\nthrottled_time 12\n", "sys/fs/cgroup/cpu,cpuacct/c/cpu.stat")
    #expect(ControlGroup.throttledNanoseconds(files) == 12)
  }

  @Test("cores of two kinds in one boot are noticed, by Intel's units and by Arm's capacities")
  func coreKinds() throws {
    let folder = try TemporaryFolder()
    func write(_ text: String, _ path: String) throws {
      let file = URL(filePath: folder.file(path))
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    #expect(!CoreKinds(KernelFiles(root: folder.path)).mixes(["0", "1-9"]))
    for (cpu, capacity) in [(0, 512), (1, 1024)] {
      try write("\(capacity)\n", "sys/devices/system/cpu/cpu\(cpu)/cpu_capacity")
    }
    #expect(CoreKinds(KernelFiles(root: folder.path)).mixes(["0-1"]))
    try write("0-3\n", "sys/devices/cpu_core/cpus")
    try write("4-7\n", "sys/devices/cpu_atom/cpus")
    let kinds = CoreKinds(KernelFiles(root: folder.path))
    #expect(!kinds.mixes(["0", "2", "3"]))
    #expect(kinds.mixes(["0", "4"]))
  }
}
