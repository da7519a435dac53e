import ArgumentParser
import Foundation
import HostSystem
import Hypervisor
import MicroGuest
import Testing

@testable import Bench

/// T2: every data path end to end, in real machines. One test at a time: two cores carry a vCPU and an I/O thread.
@Suite(.serialized, .enabled(if: hasKVM, "/dev/kvm cannot be opened"))
struct DataPathTests {
  @Test(
    "what a guest writes it reads back, on every path and engine",
    arguments: DataPathMode.available, BlockEngineKind.allCases.filter { $0 != .null && isAvailable($0) })
  func verifiedMix(mode: DataPathMode, engine: BlockEngineKind) throws {
    let run = try GuestRun(
      "--rw randrw --verify --no-direct --iodepth 8 --requests 400 --warmup 20ms --engine \(engine.rawValue)")
    let result = try #require(try run.measure(mode).first)
    #expect(result.requests == 400)
    #expect(result.errors == 0)
    #expect(result.verifiedBlocks > 100)
    #expect(result.verifyErrors == 0)
  }

  @Test(
    "each workload transfers the bytes that its options name", arguments: RWKind.allCases,
    DataPathMode.available)
  func everyKind(kind: RWKind, mode: DataPathMode) throws {
    let run = try GuestRun(
      "--rw \(kind.rawValue) --bs 16k --no-direct --iodepth 4 --requests 100 --warmup 10ms")
    let result = try #require(try run.measure(mode).first)
    #expect(result.requests == 100)
    #expect(result.bytes == 100 * 16384)
    #expect(result.errors == 0)
    #expect(result.latency.entries.reduce(0) { $0 + $1.count } == 100)
  }

  @Test("a guest that thinks lets the I/O thread sleep, and is answered after it")
  func thinking() throws {
    let run = try GuestRun("--engine null --think-time 250ms --requests 4 --iodepth 2 --warmup 0")
    let result = try #require(try run.measure(.vextAdaptive).first)
    #expect(result.requests == 4)
    #expect(result.elapsedSeconds[0] >= 0.25)
    #expect(result.ioThreadCPUSeconds < 0.2 * result.windowSeconds)
  }

  @Test(
    "a guest sleeps while it thinks, on every path", arguments: DataPathMode.available)
  func sleepingThought(mode: DataPathMode) throws {
    let run = try GuestRun("--engine null --think-time 120ms --requests 4 --warmup 0")
    let result = try #require(try run.measure(mode).first)
    #expect(result.requests == 4)
    #expect(result.elapsedSeconds[0] >= 0.36)
    #expect(result.vcpuCPUSeconds < 0.25 * result.windowSeconds)
  }

  @Test("a think time that is too short for a sleep is kept as well")
  func shortThought() throws {
    let run = try GuestRun("--engine null --think-time 5us --requests 1000 --warmup 0")
    let result = try #require(try run.measure(.vext).first)
    #expect(result.requests == 1000)
    #expect(result.elapsedSeconds[0] >= 0.004)
  }

  @Test(
    "guests that share a CPU complete and verify all, whatever they adapt to",
    arguments: ["guest-yield,io-thread,load", "guest-sleep,io-thread", "none"])
  func sharedCPUs(adaptation: String) throws {
    let run = try GuestRun(
      "--guests 2 --workers 3 --engine memory --rw randrw --no-direct --runtime 400ms --warmup 50ms "
        + "--vcpu-cpus \(Self.sharedCPU) --adaptation \(adaptation)")
    for mode in [DataPathMode.vextAdaptive, .vext] {
      let results = try run.measure(mode)
      #expect(results.map(\.errors) == [0, 0])
      for result in results { #expect(result.requests > 3) }
    }
    let verified = try GuestRun(
      "--workers 3 --rw randrw --verify --no-direct --requests 300 --warmup 50ms --size 1m "
        + "--vcpu-cpus \(Self.sharedCPU) --adaptation \(adaptation)")
    let result = try #require(try verified.measure(.vextAdaptive).first)
    #expect(result.requests == 900)
    #expect(result.verifiedBlocks > 0)
    #expect(result.verifyErrors == 0)
  }

  @Test(
    "a guest yields on a CPU that others need, and not where that is switched off",
    arguments: [("guest-yield,io-thread,load", true), ("none", false)])
  func yields(adaptation: String, expected: Bool) throws {
    let run = try GuestRun(
      "--workers 4 --no-direct --runtime 500ms --warmup 100ms --adaptation \(adaptation) "
        + "--vcpu-cpus \(Self.sharedCPU)")
    let booted = try BootedGuests(run: run, mode: .vextAdaptive)
    defer { booted.shutDown() }
    try booted.finish(booted.guests[0])
    let yields = try booted.guests[0].workers.reduce(0 as UInt64) { $0 + (try $1.word(WorkerWord.yields)) }
    #expect((yields > 0) == expected)
  }

  /// A CPU for the vCPUs of a test that lets them share one: the last, because the I/O thread gets the first.
  private static let sharedCPU = (try? HostThread.currentCPUs().sorted.last) ?? 0

  @Test(
    "guests without work are booted, cost no vCPU time, and leave the busy one its data path",
    arguments: DataPathMode.available)
  func idleGuests(mode: DataPathMode) throws {
    let run = try GuestRun(
      "--guests 3 --busy-guests 1 --engine null --rw randwrite --requests 300 --warmup 10ms --iodepth 4")
    let results = try run.measure(mode)
    #expect(results.map(\.requests) == [300, 0, 0])
    #expect(results.map(\.errors) == [0, 0, 0])
    for idle in results.dropFirst() {
      #expect(idle.vcpuCPUSeconds < 0.001)
      #expect(idle.exits.total == 0)
      #expect(idle.latency.entries.isEmpty)
    }
    let host = HostDescription.capture()
    let runner = try CellRunner(run.configuration, scratchFolder: "/tmp", backend: host.kvmBackend)
    let record = RunRecord(
      context: RunContext(
        identity: try .new(revision: .capture()), host: host, configuration: run.configuration,
        placement: runner.placement),
      cell: RunCell(index: 0, mode: mode, repetition: 1, seed: 42),
      measurement: results[2])
    #expect(record.busyGuests == 1)
    #expect(record.iops == 0 && record.latencyP99Microseconds == 0 && record.vmexitsPerIO == 0)
  }

  @Test("a written block is in the file when the guest has ended")
  func writesReachTheFile() throws {
    let run = try GuestRun("--rw write --verify --no-direct --requests 64 --warmup 0 --size 1m")
    let before = try Data(contentsOf: URL(fileURLWithPath: run.disk.path))
    _ = try run.measure(.vext)
    let after = try Data(contentsOf: URL(fileURLWithPath: run.disk.path))
    #expect(before.count == after.count)
    #expect(before[..<(64 * 4096)] != after[..<(64 * 4096)])
    #expect(before[(1 << 20)...] == after[(1 << 20)...])
  }

  @Test("the shared queue takes no exits for I/O; virtio-blk takes one for nearly every request")
  func exits() throws {
    let run = try GuestRun("--rw randread --engine null --iodepth 1 --requests 20000 --warmup 20ms")
    let vext = try #require(try run.measure(.vext).first)
    let virtio = try #require(try run.measure(.virtioBlock).first)
    #expect(Double(vext.exits.ioPath) / Double(vext.requests) <= 0.001)
    #expect(Double(virtio.exits.ioPath) / Double(virtio.requests) >= 0.5)
  }

  @Test("four workers have a queue each", arguments: DataPathMode.available)
  func fourWorkers(mode: DataPathMode) throws {
    let run = try GuestRun(
      "--workers 4 --rw randrw --verify --no-direct --iodepth 4 --requests 50 --warmup 10ms")
    let result = try #require(try run.measure(mode).first)
    #expect(result.elapsedSeconds.count == 4)
    #expect(result.requests == 200)
    #expect(result.verifyErrors == 0)
  }

  @Test("one I/O thread serves eight machines", arguments: DataPathMode.available)
  func eightGuests(mode: DataPathMode) throws {
    let run = try GuestRun(
      "--guests 8 --workers 1 --io-threads 1 --no-direct --iodepth 4 --requests 100 --warmup 10ms")
    let results = try run.measure(mode)
    #expect(results.map(\.guestIndex) == Array(0..<8))
    #expect(results.allSatisfy { $0.requests == 100 && $0.errors == 0 })
  }

  @Test("several I/O threads share the queues of one machine")
  func twoIOThreads() throws {
    let run = try GuestRun("--workers 2 --io-threads 2 --no-direct --iodepth 4 --requests 100 --warmup 10ms")
    for mode in DataPathMode.available {
      let result = try #require(try run.measure(mode).first)
      #expect(result.requests == 200)
      #expect(result.granted.ioThreadCPUs.count == 2)
    }
  }

  @Test("blocks of 512 bytes to 1 MiB pass", arguments: ["512", "4k", "64k", "1m"], DataPathMode.available)
  func blockSizes(size: String, mode: DataPathMode) throws {
    let run = try GuestRun(
      "--bs \(size) --rw randrw --verify --no-direct --requests 40 --warmup 0 --iodepth 2")
    let result = try #require(try run.measure(mode).first)
    #expect(result.requests == 40)
    #expect(result.verifyErrors == 0)
  }

  @Test("a disk that shrinks under the guest gives errors, not a stop", arguments: DataPathMode.available)
  func truncatedDisk(mode: DataPathMode) throws {
    let run = try GuestRun("--rw randread --no-direct --requests 200 --warmup 0 --iodepth 2 --runtime 5s")
    let disk = try DiskImage(path: run.disk.path, readOnly: true, direct: false)
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: run.disk.path))
    try handle.truncate(atOffset: 2 << 20)
    let runner = try CellRunner(
      run.configuration, scratchFolder: "/tmp", backend: HostDescription.capture().kvmBackend)
    let results = try runner.run(
      RunCell(index: 0, mode: mode, repetition: 1, seed: 1), disks: [disk], watch: InterruptionWatch())
    let result = try #require(results.first)
    #expect(result.requests == 200)
    #expect(result.errors > 0)
    #expect(result.errors < 200)
  }

  @Test("a machine needs less than 16 MiB beyond its own RAM")
  func residentMemory() throws {
    let run = try GuestRun("--guests 8 --engine null --requests 20000 --warmup 20ms --iodepth 32")
    _ = try run.measure(.vext)
    let before = try ResidentMemory.byteCount()
    let guests = try BootedGuests(run: run, mode: .vext)
    try guests.runToTheEnd()
    let guestRAM = guests.guests.reduce(0) { $0 + Int($1.memory.byteCount) }
    let beyond = try ResidentMemory.byteCount() - before - guestRAM
    guests.shutDown()
    #expect(beyond <= 8 * 16 << 20)
  }

  @Test(.timeLimit(.minutes(20)))
  func `bench neighbour boots a guest beside each competitor`() throws {
    let folder = NSTemporaryDirectory() + "vext-neighbour-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let command = try NeighbourCommand.parse([
      "--repeat", "1", "--runtime", "100ms", "--size", "4m", "--competitor-size", "64m", "--no-direct",
      "--quiet",
    ])
    var boots: [NeighbourRun.Boot] = []
    try NeighbourRun(
      configuration: try command.guestConfiguration(), mode: .vext, repetitionCount: 1, folder: folder,
      competitorDiskByteCount: 64 << 20, progress: ProgressReporter(isQuiet: true), watch: InterruptionWatch()
    ).run { boots.append($0) }
    #expect(Set(boots.map(\.competitor)) == Set(Competitor.allCases))
    for boot in boots {
      #expect(boot.iops > 0 && boot.errors == 0 && boot.latency.p99_9 > 0)
      #expect((boot.competitorIOPS > 0) == (boot.competitor != .none))
    }
  }
}
