import Foundation
import HostSystem

extension HostDescription {
  /// Describes the host whose /proc and /sys lie below `root`. What cannot be read stays empty: a run does not fail
  /// because the host hides something.
  static func capture(root: String = "/") -> HostDescription {
    let files = KernelFiles(root: root)
    let processors = files.lines("proc/cpuinfo")
    let cpuModel = processors.lazy.compactMap { $0.value(ofKey: "model name") }.first ?? "unknown"
    let clocks = "sys/devices/system/clocksource/clocksource0/"
    let backend = KVMBackend(files)
    let processor = ProcessorDescription(files)
    return HostDescription(
      cpuModel: cpuModel,
      onlineCPUCount: processors.count { $0.value(ofKey: "processor") != nil },
      isSMTActive: files.text("sys/devices/system/cpu/smt/active").map { $0 == "1" },
      governor: files.text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
      kernel: files.text("proc/sys/kernel/osrelease") ?? "unknown",
      kvmBackend: backend,
      isTimingValid: backend.isTimingValid,
      clockSource: files.text(clocks + "current_clocksource") ?? "unknown",
      numaNodes: numaNodes(files),
      memoryBytes: files.memoryByteCount("MemTotal") ?? 0,
      availableMemoryBytes: files.memoryByteCount("MemAvailable") ?? 0,
      transparentHugePages: files.choice("sys/kernel/mm/transparent_hugepage/enabled") ?? "unknown",
      mitigations: mitigations(files),
      loadAverage: (files.text("proc/loadavg") ?? "").split(separator: " ").prefix(3).compactMap {
        Double($0)
      },
      processor: processor,
      kernelSettings: KernelSettings(files),
      kvmModules: kvmModules(files),
      hugePages: HugePages.capture(files),
      virtualMachine: processor.isVirtual ? virtualMachine(files) : nil)
  }

  /// Describes this host for a run whose image is at `imagePath`, or will be made there.
  static func capture(imagePath: String) -> HostDescription {
    var host = capture()
    host.storage = StorageDescription.capture(path: imagePath)
    // Without fio there is none to name.
    if let run = try? CommandRun(["fio", "--version"]), run.exitCode == 0 { host.fioVersion = run.output }
    return host
  }

  private static func numaNodes(_ files: KernelFiles) -> [Node] {
    let folder = "sys/devices/system/node"
    let ids = files.entries(folder).compactMap { $0.hasPrefix("node") ? Int($0.dropFirst(4)) : nil }
    let nodes = ids.sorted().map { id in
      let memory = files.text("\(folder)/node\(id)/meminfo")
        .flatMap { HostMemory.byteCount(of: "MemTotal", in: $0) }
      return Node(id: id, cpus: files.text("\(folder)/node\(id)/cpulist") ?? "", memoryBytes: memory ?? 0)
    }
    // A kernel without NUMA support shows no nodes, and the machine is then one.
    if nodes.isEmpty {
      return [Node(id: 0, cpus: files.text("sys/devices/system/cpu/online") ?? "", memoryBytes: 0)]
    }
    return nodes
  }

  private static func mitigations(_ files: KernelFiles) -> [String: String] {
    let folder = "sys/devices/system/cpu/vulnerabilities"
    var mitigations: [String: String] = [:]
    for name in files.entries(folder) {
      mitigations[name] = files.text("\(folder)/\(name)")
    }
    return mitigations
  }

  private static func kvmModules(_ files: KernelFiles) -> [String: [String: String]]? {
    let names = files.entries("sys/module").filter { $0 == "kvm" || $0.hasPrefix("kvm_") }
    let modules = names.map { ($0, files.attributes("sys/module/\($0)/parameters") ?? [:]) }
    return modules.isEmpty ? nil : Dictionary(uniqueKeysWithValues: modules)
  }

  private static func virtualMachine(_ files: KernelFiles) -> VirtualMachineDescription {
    VirtualMachineDescription(
      vendor: files.word("sys/class/dmi/id/sys_vendor"), product: files.word("sys/class/dmi/id/product_name"),
      stealShare: CPUTicks(files)?.stealShare)
  }
}
