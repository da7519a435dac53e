import HostSystem

/// Which kinds of cores a hybrid processor has.
struct CoreKinds: Equatable, Sendable {
  private let kinds: [Int: String]

  /// Reads sysfs: Intel's kinds have a performance monitoring unit each (`cpu_core`, `cpu_atom`), Arm's a capacity.
  init(_ files: KernelFiles) {
    var kinds: [Int: String] = [:]
    for unit in files.entries("sys/devices") where unit.hasPrefix("cpu_") {
      guard let cpus = files.text("sys/devices/\(unit)/cpus").flatMap({ CPUSet(parsing: $0) }) else {
        continue
      }
      for cpu in cpus.sorted { kinds[cpu] = unit }
    }
    if kinds.isEmpty {
      let folder = "sys/devices/system/cpu"
      for entry in files.entries(folder) where entry.hasPrefix("cpu") {
        guard let cpu = Int(entry.dropFirst(3)), let capacity = files.word("\(folder)/\(entry)/cpu_capacity")
        else {
          continue
        }
        kinds[cpu] = capacity
      }
    }
    self.kinds = kinds
  }

  /// Whether the CPUs of `lists`, in the kernel's list form, are of more than one kind.
  func mixes(_ lists: [String]) -> Bool {
    let cpus = lists.compactMap { CPUSet(parsing: $0) }.flatMap(\.sorted)
    return Set(cpus.compactMap { kinds[$0] }).count > 1
  }
}
