extension StorageLocation {
  /// A CPU counts as one that takes a device's interrupts if it took one in this many of them.
  private static let shareDivisor = 8

  /// The CPUs that have taken the interrupts of the device below `path` so far; empty if that is unknown, as it is
  /// for volumes that are made of other devices.
  ///
  /// A device with a queue and an interrupt for each CPU has been served by all that used it; one with a single
  /// interrupt by one CPU, which a busy vCPU should not share: each interrupt would be a vmexit.
  public static func interruptCPUs(ofFile path: String, sysfs root: String = "/sys") -> CPUSet {
    guard let location = try? StorageLocation(path: path, sysfs: root) else { return CPUSet([]) }
    return (try? interruptCPUs(ofDevice: location.deviceNumber, sysfs: root)) ?? CPUSet([])
  }

  /// The same for the block device with the numbers `MAJOR:MINOR`.
  public static func interruptCPUs(ofDevice number: String, sysfs root: String) throws(SysfsError) -> CPUSet {
    guard let end = try SysfsDirectory(root).resolved(),
      var directory = try end["dev/block/\(number)"].resolved()
    else { return CPUSet([]) }
    while directory.path.hasPrefix("\(end.path)/") {
      let interrupts = try directory["msi_irqs"].entries()
      if !interrupts.isEmpty { return try cpus(taking: interrupts, end) }
      directory = directory.parent
    }
    return CPUSet([])
  }

  private static func cpus(taking interrupts: [String], _ root: SysfsDirectory) throws(SysfsError) -> CPUSet {
    var counts: [Int: Int] = [:]
    for interrupt in interrupts {
      guard let text = try root["kernel/irq/\(interrupt)"].text("per_cpu_count") else { continue }
      for (cpu, field) in text.split(separator: ",").enumerated() {
        counts[cpu, default: 0] += Int(field.filter(\.isNumber)) ?? 0
      }
    }
    let total = counts.values.reduce(0, +)
    return CPUSet(counts.filter { $0.value > 0 && $0.value >= total / shareDivisor }.keys)
  }
}
