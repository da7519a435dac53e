import Foundation
import Glibc
import HostSystem
import Hypervisor
import MicroGuest
import Testing

@testable import Bench

/// T2: vextd and VMMs that are killed at random moments under load, with guests that verify what they read.
///
/// `VEXT_KILLS=1000` kills that often, `VEXT_KILL_REPORT=FILE` writes a line for each kill, and `VEXT_VEXTD=PATH` kills another build of vextd:
/// `scripts/kill-test` sets all three. With 100 kills or more the pauses must keep to the bound.
@Suite(.serialized, .enabled(if: hasKVM, "/dev/kvm cannot be opened"))
struct ServiceKillTests {
  /// A kill, and the longest time for which a request of another machine took until all of them went on.
  private struct Kill {
    let kind: Kind
    let pauseMilliseconds: Double
  }

  private enum Kind: String, CaseIterable {
    case vextd
    case vmm
  }

  private static let environment = ProcessInfo.processInfo.environment
  private static let killCount = environment["VEXT_KILLS"].flatMap(Int.init) ?? 4
  /// The pause that 99 of 100 kills may cost at most.
  private static let pauseLimitMilliseconds = 100.0

  /// Guests that are never killed, and whose latencies tell what a kill costs.
  private struct Witnesses {
    let booted: [ServiceGuests]
    var counts: [[UInt64]] = []

    private var workers: [(worker: WorkerView, tscKilohertz: UInt64)] {
      booted.flatMap(\.guests).flatMap { guest in guest.workers.map { ($0, guest.tscKilohertz) } }
    }

    init(_ booted: [ServiceGuests]) throws {
      self.booted = booted
      for one in booted { try one.wait(for: one.guests[0], .ready) }
      for one in booted { try one.guests[0].command(.measure) }
      counts = try histograms()
    }

    private func histograms() throws -> [[UInt64]] { try workers.map { try $0.worker.histogram() } }

    /// Waits until each worker has answered requests after this moment.
    func waitForProgress() throws {
      let before = try histograms().map { $0.reduce(0, &+) }
      let deadline = HostClock.monotonicNanoseconds() + 60_000_000_000
      while try !zip(histograms(), before).allSatisfy({ $0.reduce(0, &+) > $1 + 64 }) {
        guard HostClock.monotonicNanoseconds() < deadline else {
          throw BootedGuests.Timeout(guest: 0, state: .measuring)
        }
        usleep(2_000)
      }
    }

    /// The longest latency of a request that was answered since the last call, in milliseconds.
    mutating func longestLatency() throws -> Double {
      let now = try histograms()
      var longest = 0.0
      for (index, (later, earlier)) in zip(now, counts).enumerated() {
        guard let bucket = later.indices.last(where: { later[$0] > earlier[$0] }) else { continue }
        let ticks = TickHistogram.lowerBound(ofBucket: bucket) + TickHistogram.width(ofBucket: bucket)
        longest = max(longest, Double(ticks) / Double(workers[index].tscKilohertz))
      }
      counts = now
      return longest
    }

    /// Ends the guests, and expects that all requests succeeded and all blocks were right.
    func finish() throws {
      for guest in booted.flatMap(\.guests) { try guest.command(.finish) }
      for one in booted { try one.wait(for: one.guests[0], .finished) }
      for guest in booted.flatMap(\.guests) { try ServiceGuests.expectVerified(guest) }
    }
  }

  @Test(.timeLimit(.minutes(180)))
  func `vextd or a VMM that is killed at random under load costs other machines a pause and nothing else`()
    async throws
  {
    let runs = try (0..<2).map { _ in
      try GuestRun("--no-direct --rw randrw --verify --iodepth 16 --runtime 10000s --warmup 20ms")
    }
    let victim = try TemporaryDisk(byteCount: 4 << 20)
    let disks = ["a=\(runs[0].disk.path)", "b=\(runs[1].disk.path)", "victim=\(victim.path)"]
    let service = try ServiceProcess(disks: disks, options: ["--threads", "2"])
    let booted = try zip(runs, [("a", DataPathMode.vext), ("b", .vextAdaptive)]).map { run, guest in
      try ServiceGuests(
        run: run, mode: guest.1, socket: service.socket, disks: [guest.0], successorTimeoutSeconds: 60)
    }
    defer { for one in booted { one.shutDown() } }
    var witnesses = try Witnesses(booted)
    var kills: [Kill] = []
    for index in 0..<Self.killCount {
      let kind = index < 4 ? Kind.allCases[index % 2] : Kind.allCases.randomElement() ?? .vextd
      switch kind {
      case .vextd:
        usleep(UInt32.random(in: 20_000..<300_000))
        _ = try witnesses.longestLatency()
        try service.kill()
        try service.start()
      case .vmm:
        _ = try witnesses.longestLatency()
        try await Self.killMachine(socket: service.socket)
      }
      try Self.waitForClients(2, service)
      try witnesses.waitForProgress()
      kills.append(Kill(kind: kind, pauseMilliseconds: try witnesses.longestLatency()))
    }
    try witnesses.finish()
    try Self.report(kills)
  }

  /// Boots a guest in a process of its own, which is killed at a random moment.
  private static func killMachine(socket: String) async throws {
    await #expect(processExitsWith: .signal(SIGKILL)) { [socket = socket as String] in
      let run = try GuestRun("--no-direct --rw randrw --verify --iodepth 32 --runtime 60s --warmup 20ms")
      // Nothing uses the run's own disk, and nobody removes it after the kill.
      try FileManager.default.removeItem(atPath: run.disk.path)
      let booted = try ServiceGuests(run: run, mode: .vextAdaptive, socket: socket, disks: ["victim"])
      if Bool.random() {
        try booted.wait(for: booted.guests[0], .ready)
        try booted.guests[0].command(.measure)
      }
      usleep(UInt32.random(in: 0..<200_000))
      Glibc.kill(getpid(), SIGKILL)
    }
  }

  private static func waitForClients(_ count: Int, _ service: ServiceProcess) throws {
    for _ in 0..<6_000 {
      if let clients = try? service.clientCount(), clients == count { return }
      usleep(5_000)
    }
    Issue.record("vextd has not \(count) clients: \((try? service.ask(.list)) ?? "no answer")")
  }

  /// Prints how the pauses are distributed, writes a line for each kill where it is wanted, and expects that they keep to the bound.
  private static func report(_ kills: [Kill]) throws {
    for kind in Kind.allCases {
      let pauses = kills.filter { $0.kind == kind }.map(\.pauseMilliseconds).sorted()
      guard !pauses.isEmpty else { continue }
      func quantile(_ part: Double) -> Double {
        pauses[min(Int((part * Double(pauses.count)).rounded(.up)), pauses.count) - 1]
      }
      let figures = [("median", 0.5), ("90 %", 0.9), ("99 %", 0.99), ("longest", 1)].map { name, part in
        "\(name) \(String(format: "%.1f", quantile(part)))"
      }
      print(
        "kills of \(kind.rawValue): \(pauses.count); pause of the others in ms: \(figures.joined(separator: ", "))"
      )
      if pauses.count >= 100 { #expect(quantile(0.99) <= pauseLimitMilliseconds) }
    }
    guard let path = environment["VEXT_KILL_REPORT"] else { return }
    let lines = kills.enumerated().map { index, kill in
      "\(index + 1),\(kill.kind.rawValue),\(String(format: "%.3f", kill.pauseMilliseconds))\n"
    }
    try ("kill,killed,pause_ms\n" + lines.joined()).write(toFile: path, atomically: true, encoding: .utf8)
  }
}
