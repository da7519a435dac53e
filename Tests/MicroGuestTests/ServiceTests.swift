import Foundation
import Glibc
import HostSystem
import Hypervisor
import MicroGuest
import Testing

@testable import Bench

/// T2: micro guests whose disks a vextd process serves.
@Suite(.serialized, .enabled(if: hasKVM, "/dev/kvm cannot be opened"))
struct ServiceTests {
  @Test(.timeLimit(.minutes(20)))
  func `a guest writes and verifies through vextd`() throws {
    let run = try GuestRun(
      "--no-direct --rw randrw --verify --iodepth 8 --workers 2 --requests 2000 --warmup 20ms")
    let service = try ServiceProcess(disks: ["a=\(run.disk.path)"], options: ["--threads", "2"])
    let booted = try ServiceGuests(run: run, socket: service.socket, disks: ["a"])
    defer { booted.shutDown() }
    try booted.finish(booted.guests)
    try ServiceGuests.expectVerified(booted.guests[0], requestCount: 2000)
    #expect(try service.ask(.list).contains("disk a \(4 << 20) bytes"))
    #expect(try service.ask(.metrics).contains("_a_reads "))
  }

  @Test(.timeLimit(.minutes(20)))
  func `two guests are served at once, and each has its disk`() throws {
    let runs = try (0..<2).map { _ in
      try GuestRun("--no-direct --rw randrw --verify --iodepth 8 --requests 2000 --warmup 20ms")
    }
    let service = try ServiceProcess(disks: ["a=\(runs[0].disk.path)", "b=\(runs[1].disk.path)"])
    let one = try ServiceGuests(run: runs[0], socket: service.socket, disks: ["a"])
    defer { one.shutDown() }
    let other = try ServiceGuests(run: runs[1], socket: service.socket, disks: ["b"])
    defer { other.shutDown() }
    #expect(try service.clientCount() == 2)
    let guests = one.guests + other.guests
    try one.finish(guests)
    for guest in guests {
      #expect(try guest.workers[0].word(WorkerWord.requests) == 2000)
      #expect(try guest.workers[0].word(WorkerWord.errors) == 0)
      #expect(try guest.workers[0].word(WorkerWord.verifyErrors) == 0)
    }
  }

  @Test(.timeLimit(.minutes(20)))
  func `a guest whose vextd is killed gets EIO and ends`() throws {
    let run = try GuestRun("--no-direct --rw randread --iodepth 8 --workers 2 --runtime 2s --warmup 20ms")
    let service = try ServiceProcess(disks: ["a=\(run.disk.path)"])
    let booted = try ServiceGuests(run: run, socket: service.socket, disks: ["a"])
    defer { booted.shutDown() }
    let guest = booted.guests[0]
    try booted.wait(for: guest, .ready)
    try guest.command(.measure)
    usleep(500_000)
    try service.kill()
    try booted.wait(for: guest, .measured)
    try guest.command(.finish)
    try booted.wait(for: guest, .finished)
    for worker in guest.workers {
      let (requests, errors) = (try worker.word(WorkerWord.requests), try worker.word(WorkerWord.errors))
      #expect(errors > 0 && requests > errors)
      #expect(try worker.word(WorkerWord.firstErrorStatus) == UInt64(EIO))
    }
  }

  @Test(.timeLimit(.minutes(20)))
  func `a guest of mode vext-adaptive sleeps and wakes through vextd`() throws {
    let run = try GuestRun("--no-direct --rw randread --iodepth 1 --workers 2 --requests 2000 --warmup 20ms")
    let service = try ServiceProcess(disks: ["a=\(run.disk.path)"])
    let booted = try ServiceGuests(run: run, mode: .vextAdaptive, socket: service.socket, disks: ["a"])
    defer { booted.shutDown() }
    try booted.finish(booted.guests)
    for worker in booted.guests[0].workers {
      #expect(try worker.word(WorkerWord.requests) == 2000)
      #expect(try worker.word(WorkerWord.errors) == 0)
    }
    let before = try service.cpuTicks()
    usleep(500_000)
    #expect(try service.cpuTicks() - before <= 2)
  }

  @Test(.timeLimit(.minutes(20)))
  func `a guest whose vCPUs share a CPU yields it while vextd serves the disk`() throws {
    let last = try HostThread.currentCPUs().sorted.last ?? 0
    let run = try GuestRun(
      "--mode vext-adaptive --no-direct --workers 4 --vcpu-cpus \(last) --runtime 700ms --warmup 100ms")
    let service = try ServiceProcess(disks: ["a=\(run.disk.path)"])
    let booted = try ServiceGuests(run: run, mode: .vextAdaptive, socket: service.socket, disks: ["a"])
    defer { booted.shutDown() }
    try booted.finish(booted.guests)
    try ServiceGuests.expectVerified(booted.guests[0])
    #expect(try booted.guests[0].workers.contains { try $0.word(WorkerWord.yields) > 0 })
  }

  @Test(.timeLimit(.minutes(20)))
  func `a VMM that is killed under load leaves its disk free, and its neighbour is served on`() async throws {
    let run = try GuestRun("--no-direct --rw randread --iodepth 8 --requests 20000 --warmup 20ms")
    let other = try TemporaryDisk(byteCount: 4 << 20)
    let service = try ServiceProcess(disks: ["a=\(run.disk.path)", "b=\(other.path)"])
    let booted = try ServiceGuests(run: run, socket: service.socket, disks: ["a"])
    defer { booted.shutDown() }
    try booted.wait(for: booted.guests[0], .ready)
    await #expect(processExitsWith: .signal(SIGKILL)) { [socket = service.socket as String] in
      let run = try GuestRun("--no-direct --rw randwrite --iodepth 32 --runtime 30s --warmup 20ms")
      let booted = try ServiceGuests(run: run, socket: socket, disks: ["b"])
      try booted.wait(for: booted.guests[0], .ready)
      try booted.guests[0].command(.measure)
      usleep(200_000)
      try FileManager.default.removeItem(atPath: run.disk.path)
      Glibc.kill(getpid(), SIGKILL)
    }
    #expect(try Self.waits { try service.clientCount() == 1 })
    try booted.finish(booted.guests)
    #expect(try booted.guests[0].workers[0].word(WorkerWord.errors) == 0)
    #expect(try booted.guests[0].workers[0].word(WorkerWord.requests) == 20000)
    // The disk is free again.
    let next = try ServiceGuests(run: run, socket: service.socket, disks: ["b"])
    defer { next.shutDown() }
    try next.finish(next.guests)
    #expect(try next.guests[0].workers[0].word(WorkerWord.errors) == 0)
  }

  @Test func `vextd ends at SIGTERM, and removes its socket`() throws {
    let disk = try TemporaryDisk(byteCount: 1 << 20)
    let service = try ServiceProcess(disks: ["a=\(disk.path),ro,direct"])
    #expect(try service.terminate() == 0)
    #expect(!FileManager.default.fileExists(atPath: service.socket))
  }

  @Test func `a socket in use and wrong options are errors of one line`() throws {
    let disk = try TemporaryDisk(byteCount: 1 << 20)
    let service = try ServiceProcess(disks: ["a=\(disk.path)"])
    let other = try TemporaryDisk(byteCount: 1 << 20)
    let wrong = try [
      "# a comment\nthreads = 2\nspeed = 9\n", "threads\n", "threads = 1\nthreads = 2\n",
    ].map { try TemporaryText($0) }
    let cases: [(arguments: [String], code: Int32, text: String)] = [
      (["--socket", service.socket, "--disk", "b=\(other.path)"], 1, "another service listens there"),
      (["--socket", "/tmp/x.sock", "--disk", "a=\(disk.path)"], 1, "in use by"),
      (["--socket", "/tmp/x.sock", "--disk", "a/b=\(other.path)"], 1, "letters"),
      (["--socket", "/tmp/x.sock", "--disk", "a=/nowhere"], 1, "/nowhere"),
      (["--socket", "/tmp/x.sock"], 64, "--disk"),
      (["--socket", "/tmp/x.sock", "--disk", "a"], 64, "--disk"),
      (["--socket", "/tmp/x.sock", "--disk", "a=\(other.path),rw"], 64, "--disk"),
      (["--socket", "/tmp/x.sock", "--disk", "a=x", "--disk", "a=y"], 64, "twice"),
      (["--socket", "/tmp/x.sock", "--disk", "a=x", "--threads", "0"], 64, "--threads"),
      (["--socket", "/tmp/x.sock", "--disk", "a=x", "--engine", "fast"], 64, "--engine"),
      (["ctl", "list", "--socket", "/nowhere/x.sock"], 1, "nobody listens"),
      (["--config", "/nowhere/vextd.conf"], 1, "/nowhere/vextd.conf"),
      (["--config", wrong[0].path], 64, "line 3: 'speed = 9'"), (["--config", wrong[1].path], 64, "line 1"),
      (["--config", wrong[2].path], 64, "'threads' comes twice"),
    ]
    for (arguments, code, text) in cases {
      let process = Process()
      process.executableURL = ServiceProcess.program
      process.arguments = arguments
      let pipe = Pipe()
      process.standardError = pipe
      try process.run()
      let said = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == code, "\(arguments): \(said)")
      #expect(said.hasPrefix("vextd: error: ") && said.contains(text), "\(arguments): \(said)")
      #expect(said.split(separator: "\n").count == 1, "\(arguments): \(said)")
    }
  }

  @Test func `a configuration file says what options say`() throws {
    let disk = try TemporaryDisk(byteCount: 1 << 20)
    let other = try TemporaryDisk(byteCount: 1 << 20)
    let file = try TemporaryText(
      "# disks\ndisk = b=\(other.path),ro  # shared\nthreads = 2\nengine = sync\nno-sleep = yes\nno-rebalance = yes\n"
    )
    let service = try ServiceProcess(disks: ["a=\(disk.path)"], options: ["--config", file.path])
    let list = try service.ask(.list)
    #expect(list.contains("disk b 1048576 bytes") && list.contains("disk a 1048576 bytes"))
  }

  private static func waits(_ condition: () throws -> Bool) throws -> Bool {
    for _ in 0..<1000 {
      if try condition() { return true }
      usleep(10_000)
    }
    return false
  }
}
