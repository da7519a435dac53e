import Foundation
import HostSystem
import Hypervisor
import Testing

@testable import Bench

struct PeerExitCounterTests {
  private static let canOpenKVM = FileManager.default.isWritableFile(atPath: "/dev/kvm")
  private static let python = CommandRun.find("python3")

  /// Makes a VM of two vCPUs, asks for their statistics if told so, says "ready" and waits.
  private static let child = """
    import fcntl, os, sys, time
    kvm = os.open("/dev/kvm", os.O_RDWR)
    vm = fcntl.ioctl(kvm, 0xAE01, 0)
    vcpus = [fcntl.ioctl(vm, 0xAE41, index) for index in range(2)]
    if sys.argv[1] == "statistics": kept = [fcntl.ioctl(vcpu, 0xAECE, 0) for vcpu in vcpus]
    os.write(1, b"ready\\n")
    time.sleep(1000)
    """

  private func start(_ argument: String, in folder: borrowing TemporaryFolder) throws -> PeerProcess {
    let process = try PeerProcess(
      program: try #require(Self.python), arguments: ["-c", Self.child, argument], outputPath: nil,
      errorPath: "\(folder.path)/errors")
    let output = try #require(process.output)
    #expect(String(decoding: output.availableData, as: UTF8.self) == "ready\n")
    return process
  }

  @Test(
    "exits are read from the descriptors of statistics that another process holds",
    .enabled(if: canOpenKVM && python != nil, "needs /dev/kvm and python3"))
  func descriptors() throws {
    let folder = try TemporaryFolder()
    let process = try start("statistics", in: folder)
    let counter = try PeerExitCounter(process: process.id, vcpuCount: 2)
    #expect(counter.source == .statisticsDescriptors)
    #expect(try counter.exitCounts() == ExitCounts())
  }

  @Test(
    "a process without such descriptors, and without debugfs, cannot be counted, and the message says why",
    .enabled(if: canOpenKVM && python != nil, "needs /dev/kvm and python3"))
  func neither() throws {
    let folder = try TemporaryFolder()
    let process = try start("nothing", in: folder)
    let failure = #expect(throws: BenchFailure.self) {
      try PeerExitCounter(process: process.id, vcpuCount: 2, files: KernelFiles(root: folder.path))
    }
    #expect(failure?.exitCode == .unavailable)
    #expect(failure?.description.contains("needs root, and debugfs mounted") == true)
  }

  @Test(
    "where nothing else is there, the VMM's own word is taken",
    .enabled(if: canOpenKVM && python != nil, "needs /dev/kvm and python3"))
  func monitor() throws {
    let folder = try TemporaryFolder()
    let process = try start("nothing", in: folder)
    let counter = try PeerExitCounter(
      process: process.id, vcpuCount: 2, files: KernelFiles(root: folder.path)
    ) { ExitCounts(total: 5) }
    #expect(counter.source == .monitor)
    #expect(try counter.exitCounts() == ExitCounts(total: 5))
  }

  @Test("debugfs gives the sums over a VM's vCPUs")
  func debugfs() throws {
    let folder = try TemporaryFolder()
    // No process has this number.
    let kvm = "\(folder.path)/sys/kernel/debug/kvm"
    let machine = "\(kvm)/4194305-12"
    try FileManager.default.createDirectory(atPath: machine, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(atPath: "\(kvm)/41943051-3", withIntermediateDirectories: true)
    let values = [
      "exits": 1000, "io_exits": 10, "mmio_exits": 20, "halt_exits": 30, "hypercalls": 4, "irq_exits": 50,
      "irq_injections": 60,
    ]
    for (name, value) in values { try Data("\(value)\n".utf8).write(to: URL(filePath: "\(machine)/\(name)")) }
    let counter = try PeerExitCounter(
      process: 4_194_305, vcpuCount: 2, files: KernelFiles(root: folder.path))
    #expect(counter.source == .debugfs)
    #expect(
      try counter.exitCounts()
        == ExitCounts(total: 1000, io: 10, mmio: 20, halt: 30, hypercall: 4, irq: 50, irqInjections: 60))
    try FileManager.default.removeItem(atPath: "\(machine)/irq_exits")
    #expect(throws: BenchFailure.self) { try counter.exitCounts() }
  }
}
