import Foundation
import Testing

@testable import Bench

/// Hosts as recorded in Hosts/: a virtual machine with software KVM, and a server that is made up.
struct RecordedHostTests {
  private func host(_ name: String) throws -> HostDescription {
    let tree = try RecordedTree(name, extension: "tree", folder: "Hosts")
    // The copy goes away with the object.
    return withExtendedLifetime(tree) { HostDescription.capture(root: tree.root) }
  }

  @Test("the CPUs of a server, their frequencies and idle states are described")
  func processor() throws {
    let processor = try #require(try host("server-nvme").processor)
    #expect(
      processor
        == ProcessorDescription(
          vendor: "AuthenticAMD", family: 25, model: 17, stepping: 1, microcode: "0xa101148",
          isVirtual: false,
          frequencyDriver: "amd-pstate-epp", governors: ["performance", "powersave"],
          energyPreferences: ["balance_performance"], lowestKHz: 1_500_000, highestKHz: 3_800_000,
          isTurboEnabled: true, smtControl: "on", idleDriver: "acpi_idle", idleGovernor: "menu",
          idleStates: [
            .init(name: "POLL", exitLatencyMicroseconds: 0, isDisabled: false),
            .init(name: "C1", exitLatencyMicroseconds: 1, isDisabled: false),
            .init(name: "C2", exitLatencyMicroseconds: 100, isDisabled: true),
          ]))
  }

  @Test("kernel settings, modules and huge pages of a server are described")
  func settings() throws {
    let host = try host("server-nvme")
    let settings = try #require(host.kernelSettings)
    #expect(settings.commandLine == "BOOT_IMAGE=/vmlinuz root=/dev/nvme1n1p2 isolcpus=2-3 nohz_full=2-3")
    #expect(settings.isolatedCPUs == "2-3")
    #expect(settings.tickLessCPUs == "2-3")
    #expect(settings.numaBalancing == 1)
    #expect(settings.hugePageDefragmentation == "madvise")
    #expect(settings.pageMerging == 1)
    #expect(settings.swapBytes == 2 << 20)
    #expect(settings.usedSwapBytes == 1 << 20)
    #expect(settings.aioLimit == 65536)
    #expect(settings.aioReserved == 61440)
    #expect(settings.ioUringDisabled == 1)
    #expect(settings.clockSources == ["tsc", "hpet", "acpi_pm"])
    #expect(host.kvmModules == ["kvm": ["halt_poll_ns": "200000"], "kvm_amd": ["avic": "N", "npt": "Y"]])
    #expect(
      host.hugePages == [
        HugePages(node: 0, pageBytes: 2 << 20, count: 64, freeCount: 60),
        HugePages(node: 0, pageBytes: 1 << 30, count: 1, freeCount: 0),
        HugePages(node: 1, pageBytes: 2 << 20, count: 8, freeCount: 8),
      ])
    #expect(host.virtualMachine == nil)
  }

  @Test("a virtual machine with software KVM, as recorded")
  func virtualMachine() throws {
    let host = try host("virtual-pvm")
    #expect(host.kvmBackend == .pvm)
    #expect(host.processor?.isVirtual == true)
    #expect(host.processor?.microcode == "0x1")
    #expect(host.processor?.governors == nil)
    #expect(host.processor?.isTurboEnabled == nil)
    #expect(host.processor?.idleStates?.map(\.name) == ["POLL", "haltpoll idle"])
    #expect(host.kvmModules?["kvm_pvm"]?["pvm_native"] == "Y")
    #expect(host.kernelSettings?.isolatedCPUs == nil)
    #expect(host.hugePages?.map(\.pageBytes) == [2 << 20, 1 << 30])
    #expect(try #require(host.virtualMachine?.stealShare) > 0)
  }

  @Test("a value that the host does not report is missing in the record, without an error")
  func absentKeys() throws {
    let folder = try TemporaryFolder()
    let document = try JSONSerialization.jsonObject(
      with: JSONEncoder().encode(HostDescription.capture(root: folder.path)))
    let host = try #require(document as? [String: Any])
    for key in ["kvm_modules", "huge_pages", "virtual_machine", "storage", "fio_version", "governor"] {
      #expect(host[key] == nil, "\(key)")
    }
    let processor = try #require(host["processor"] as? [String: Any])
    #expect(Array(processor.keys) == ["virtual"])
    #expect((host["kernel_settings"] as? [String: Any])?.isEmpty == true)
  }

  @Test(
    "ticks are read from the first line of /proc/stat, and only from one that is complete",
    arguments: [
      ("cpu  100 10 20 800 50 5 15 25 7 1\ncpu0 1 2", CPUTicks(busy: 150, idle: 850, steal: 25)),
      ("cpu  1 2 3 4 5 6 7", nil), ("cpu0 1 2 3 4 5 6 7 8", nil), ("", nil),
    ] as [(String, CPUTicks?)])
  func ticks(text: String, expected: CPUTicks?) throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("proc"), withIntermediateDirectories: false)
    try Data(text.utf8).write(to: URL(filePath: folder.file("proc/stat")))
    #expect(CPUTicks(KernelFiles(root: folder.path)) == expected)
  }

  @Test("a counter that ran backwards counts as unchanged, and no time at all has no shares")
  func tickDifferences() {
    let earlier = CPUTicks(busy: 10, idle: 100, steal: 5)
    let later = CPUTicks(busy: 30, idle: 90, steal: 10).since(earlier)
    #expect(later == CPUTicks(busy: 20, idle: 0, steal: 5))
    #expect(later.stealShare == 0.2)
    #expect(CPUTicks(busy: 0, idle: 0, steal: 0).busyShare == 0)
  }
}
