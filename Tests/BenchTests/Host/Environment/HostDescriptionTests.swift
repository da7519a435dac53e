import Foundation
import Testing

@testable import Bench

struct HostDescriptionTests {
  private func write(_ files: [String: String], below root: String) throws {
    for (path, text) in files {
      let url = URL(filePath: root).appending(path: path)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data((text + "\n").utf8).write(to: url)
    }
  }

  @Test("a host is described from its /proc and /sys")
  func capture() throws {
    let folder = try TemporaryFolder()
    try write(
      [
        "proc/cpuinfo":
          "processor\t: 0\nmodel name\t: AMD EPYC 9000: fast\n\nprocessor\t: 1\nmodel name\t: other",
        "proc/meminfo": "MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB",
        "proc/loadavg": "1.50 0.25 0.10 1/99 1234",
        "proc/sys/kernel/osrelease": "6.1.0-18-amd64",
        "sys/module/kvm_amd/refcnt": "0",
        "sys/devices/system/cpu/smt/active": "1",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
        "sys/devices/system/cpu/vulnerabilities/mds": "Not affected",
        "sys/devices/system/cpu/vulnerabilities/retbleed": "Mitigation: untrained return thunk",
        "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm",
        "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
        "sys/devices/system/node/node10/cpulist": "2-3",
        "sys/devices/system/node/node2/cpulist": "0-1",
        "sys/devices/system/node/node2/meminfo": "Node 2 MemTotal:   512 kB\nNode 2 MemFree: 1 kB",
        "sys/devices/system/node/online": "2,10",
        "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
      ], below: folder.path)
    #expect(
      HostDescription.capture(root: folder.path)
        == HostDescription(
          cpuModel: "AMD EPYC 9000: fast", onlineCPUCount: 2, isSMTActive: true, governor: "performance",
          kernel: "6.1.0-18-amd64", kvmBackend: .svm, isTimingValid: true, clockSource: "tsc",
          numaNodes: [
            HostDescription.Node(id: 2, cpus: "0-1", memoryBytes: 512 << 10),
            HostDescription.Node(id: 10, cpus: "2-3", memoryBytes: 0),
          ],
          memoryBytes: 2 << 20, availableMemoryBytes: 1 << 20, transparentHugePages: "madvise",
          mitigations: ["mds": "Not affected", "retbleed": "Mitigation: untrained return thunk"],
          loadAverage: [1.5, 0.25, 0.1],
          processor: ProcessorDescription(isVirtual: false, governors: ["performance"]),
          kernelSettings: KernelSettings(clockSources: ["tsc", "hpet", "acpi_pm"]),
          kvmModules: ["kvm_amd": [:]]))
  }

  @Test("a host without any settings is still described")
  func silentHost() throws {
    let folder = try TemporaryFolder()
    let host = HostDescription.capture(root: folder.path)
    #expect(host.cpuModel == "unknown")
    #expect(host.kvmBackend == .none)
    #expect(!host.isTimingValid)
    #expect(host.numaNodes.count == 1)
    #expect(host.governor == nil)
  }

  @Test("the files of the running kernel, which state no true size, can be read")
  func runningHost() {
    let host = HostDescription.capture()
    #expect(host.onlineCPUCount > 0)
    #expect(host.memoryBytes > 0)
    #expect(host.kernel != "unknown")
  }

  @Test(
    "the backend follows from modules, CPU, vendor and clocks",
    arguments: [
      (["kvm", "kvm_intel"], "Intel Xeon", "Dell Inc.", ["tsc"], .vmx),
      (["kvm", "kvm_amd"], "AMD EPYC", "", ["tsc", "hpet"], .svm),
      (["kvm", "kvm_pvm"], "Intel Xeon", "", ["tsc", "kvm-clock"], .pvm),
      (["kvm", "kvm_amd"], "AMD EPYC Processor", "QEMU", ["tsc", "hpet", "acpi_pm"], .tcg),
      (["kvm", "kvm_amd"], "QEMU TCG CPU version 2.5+", "", ["tsc"], .tcg),
      (["kvm", "kvm_amd"], "AMD EPYC", "QEMU", ["kvm-clock", "tsc"], .svm),
      (["kvm"], "Intel Xeon", "", ["tsc"], .none),
      ([], "", "", [], .none),
    ] as [([String], String, String, [String], KVMBackend)])
  func backend(modules: [String], cpu: String, vendor: String, clocks: [String], expected: KVMBackend) {
    let backend = KVMBackend(
      modules: Set(modules), cpuModel: cpu, systemVendor: vendor, clockSources: Set(clocks))
    #expect(backend == expected)
    #expect(backend.isTimingValid == ![.tcg, .none].contains(expected))
  }
}
