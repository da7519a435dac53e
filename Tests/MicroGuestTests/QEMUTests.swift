import Foundation
import Hypervisor
import Testing

@testable import Bench

/// The micro guest in QEMU on this host's KVM, started by our own firmware.
@Suite(
  .serialized,
  .enabled(
    if: hasKVM && CommandRun.find(QEMUCommand.program) != nil, "needs /dev/kvm and qemu-system-x86"))
struct QEMUTests {
  @Test(
    "requests are answered and what they cost is counted",
    arguments: ["--engine libaio", "--engine null", "--engine io_uring --no-direct"])
  func counts(options: String) throws {
    let run = try GuestRun(
      "--vmm qemu --mode virtio-blk --warmup 10ms --runtime 200ms --size 4m \(options)")
    guard isAvailable(run.configuration.engine) else { return }
    let measurement = try #require(try run.measure(.virtioBlock, in: .qemu).first)
    #expect(measurement.requests > 0)
    #expect(measurement.errors == 0)
    #expect(measurement.latency.entries.reduce(0) { $0 + $1.count } == measurement.requests)
    // Each kick of a queue that nobody polls is an exit; QEMU's iothread polls at times.
    #expect(measurement.exits.total > 0)
    #expect(measurement.vcpuCPUSeconds > 0)
    #expect(measurement.ioThreadCPUSeconds > 0)
    #expect(measurement.granted.ioThreadCPUs.count == 1)
    let peer = try #require(measurement.peer)
    #expect(peer.command.contains("-bios"))
    #expect(peer.version.first?.isNumber == true)
  }

  @Test("two workers read back what they wrote through two queues")
  func verifies() throws {
    let run = try GuestRun(
      "--vmm qemu --mode virtio-blk --workers 2 --rw randrw --bs 16k --iodepth 4 --verify --warmup 10ms --runtime 100ms "
        + "--size 4m")
    let measurement = try #require(try run.measure(.virtioBlock, in: .qemu).first)
    #expect(measurement.verifiedBlocks > 0)
    #expect(measurement.verifyErrors == 0)
    #expect(measurement.granted.vcpuCPUs.count == 2)
  }

  @Test("a guest that is too large for QEMU's memory below 4 GiB is refused")
  func tooLarge() throws {
    let run = try GuestRun(
      "--vmm qemu --mode virtio-blk --size 16m --bs 16m --iodepth 180", diskByteCount: 16 << 20)
    let runner = try CellRunner(
      run.configuration, scratchFolder: "/tmp", backend: HostDescription.capture().kvmBackend)
    let failure = #expect(throws: BenchFailure.self) { try runner.checkHost() }
    #expect(failure?.exitCode == .usage)
    #expect(failure?.description.contains("in QEMU") == true)
  }

  @Test("QEMU's own message is the error if it does not start, and its process ends")
  func failure() throws {
    let folder = URL(filePath: "/tmp/vext-t2-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    let program = folder.appending(path: "qemu")
    try Data("#!/bin/sh\necho qemu: no such machine >&2\nexit 1\n".utf8).write(to: program)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
    let run = try GuestRun("--vmm qemu --mode virtio-blk --size 4m --vmm-path \(program.path)")
    let failure = #expect(throws: BenchFailure.self) { try run.measure(.virtioBlock, in: .qemu) }
    #expect(failure?.description == "guest 0: QEMU did not start: qemu: no such machine")
    #expect(failure?.exitCode == .unavailable)
  }
}
