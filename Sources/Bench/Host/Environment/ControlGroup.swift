/// The control groups that bench runs in (cgroups(7)), versions 1 and 2.
enum ControlGroup {
  /// For how long the CPU quotas of bench's group and of those above it have stopped its threads; nil where no group keeps account.
  ///
  /// Each group accounts for its own quota only, so that the whole is the sum over the path.
  static func throttledNanoseconds(_ files: KernelFiles) -> UInt64? {
    var sum: UInt64?
    for line in files.lines("proc/self/cgroup") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",")
      // Version 2 names no controllers.
      guard controllers.isEmpty || controllers.contains("cpu") else { continue }
      let mounts =
        controllers.isEmpty
        ? ["sys/fs/cgroup", "sys/fs/cgroup/unified"] : ["sys/fs/cgroup/\(parts[1])", "sys/fs/cgroup/cpu"]
      guard let mount = mounts.first(where: { files.exists("\($0)/cgroup.procs") }) else { continue }
      for path in paths(String(parts[2])) {
        guard let throttled = throttledNanoseconds(files, group: mount + path) else { continue }
        sum = (sum ?? 0) &+ throttled
      }
    }
    return sum
  }

  /// `/a/b`, `/a` and the root, which is an empty text.
  private static func paths(_ path: String) -> [String] {
    let names = path.split(separator: "/")
    return (0...names.count).reversed().map { count in names.prefix(count).map { "/\($0)" }.joined() }
  }

  private static func throttledNanoseconds(_ files: KernelFiles, group: String) -> UInt64? {
    for line in files.lines("\(group)/cpu.stat") {
      let words = line.split(separator: " ")
      guard words.count == 2, let value = UInt64(words[1]) else { continue }
      if words[0] == "throttled_time" { return value }
      if words[0] == "throttled_usec" { return value.multipliedReportingOverflow(by: 1000).partialValue }
    }
    return nil
  }
}
