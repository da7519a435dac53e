import Foundation
import Glibc
import HostSystem
import Hypervisor
import MicroGuest
import SystemPackage
import Testing

@testable import Bench

/// T2: micro guests that write and verify while their queues move between I/O threads.
///
/// `VEXT_MOVES=10000` moves that often.
@Suite(.serialized, .enabled(if: hasKVM, "/dev/kvm cannot be opened"))
struct QueueMoveTests {
  private static let moveCount =
    ProcessInfo.processInfo.environment["VEXT_MOVES"].flatMap(Int.init) ?? 200

  /// A guest that works until the test has moved its queues often enough.
  private static func run(_ options: String = "") throws -> GuestRun {
    try GuestRun(
      "--no-direct --rw randrw --verify --iodepth 8 --workers 2 --io-threads 2 --runtime 600s --warmup 20ms \(options)"
    )
  }

  @Test(.timeLimit(.minutes(20)), arguments: [DataPathMode.vextAdaptive, .virtioBlockTuned])
  func `a guest reads what it wrote while its queues move`(mode: DataPathMode) throws {
    let booted = try BootedGuests(run: try Self.run("--engine sync"), mode: mode)
    defer { booted.shutDown() }
    let guest = booted.guests[0]
    try booted.wait(for: guest, .ready)
    try guest.command(.measure)
    let group = booted.ioThreads
    for move in 0..<Self.moveCount {
      for (place, queues) in group.queues.enumerated() {
        for queue in queues.prefix(move % 2 + 1) { #expect(group.move(queue, to: 1 - place)) }
      }
    }
    let before = try Self.answered(guest)
    #expect(group.moveCount >= UInt64(Self.moveCount))
    #expect(try Self.makesProgress(guest, beyond: before))
    try Self.expectVerified(guest)
  }

  @Test(.timeLimit(.minutes(20)), arguments: [BlockEngineKind.sync, .libaio])
  func `queues of the service move under its clients`(engine: BlockEngineKind) throws {
    let run = try Self.run()
    let service = try LocalService(disk: run.disk.path, engine: engine)
    defer { service.stop() }
    let booted = try ServiceGuests(run: run, mode: .vextAdaptive, socket: service.path, disks: ["a"])
    defer { booted.shutDown() }
    let guest = booted.guests[0]
    try booted.wait(for: guest, .ready)
    try guest.command(.measure)
    for move in 0..<Self.moveCount {
      #expect(service.service.move(queue: move % 2, ofClient: 1, to: move / 2 % 2))
    }
    let before = try Self.answered(guest)
    #expect(try Self.makesProgress(guest, beyond: before))
    try Self.expectVerified(guest)
    #expect(service.group.moveCount >= UInt64(Self.moveCount / 2))
    #expect(!service.service.move(queue: 7, ofClient: 1, to: 0))
    #expect(!service.service.move(queue: 0, ofClient: 9, to: 0))
    #expect(!service.service.move(queue: 0, ofClient: 1, to: 2))
  }

  @Test(.timeLimit(.minutes(20)))
  func `a VMM that is killed while its queue moves leaves the service, and its neighbour goes on`()
    async throws
  {
    let run = try Self.run()
    let other = try TemporaryDisk(byteCount: 4 << 20)
    let service = try LocalService(disk: run.disk.path, other: other.path, engine: .libaio)
    defer { service.stop() }
    let booted = try ServiceGuests(run: run, mode: .vextAdaptive, socket: service.path, disks: ["a"])
    defer { booted.shutDown() }
    let guest = booted.guests[0]
    try booted.wait(for: guest, .ready)
    try guest.command(.measure)
    let mover = try Mover(service)
    for _ in 0..<3 {
      await #expect(processExitsWith: .signal(SIGKILL)) { [socket = service.path as String] in
        let run = try GuestRun("--no-direct --rw randwrite --iodepth 32 --runtime 30s --warmup 20ms")
        let booted = try ServiceGuests(run: run, mode: .vextAdaptive, socket: socket, disks: ["b"])
        try booted.wait(for: booted.guests[0], .ready)
        try booted.guests[0].command(.measure)
        usleep(50_000)
        try FileManager.default.removeItem(atPath: run.disk.path)
        Glibc.kill(getpid(), SIGKILL)
      }
      #expect(service.waitForClients(1))
    }
    mover.stop()
    let before = try Self.answered(guest)
    #expect(try Self.makesProgress(guest, beyond: before))
    try Self.expectVerified(guest)
  }

  /// The number of requests that the guest's workers have counted in the window so far.
  private static func answered(_ guest: BenchGuest) throws -> UInt64 {
    try guest.workers.reduce(0) { try $0 + $1.histogram().reduce(0, &+) }
  }

  private static func makesProgress(_ guest: BenchGuest, beyond count: UInt64) throws -> Bool {
    for _ in 0..<10_000 {
      if try answered(guest) > count + 100 { return true }
      usleep(1_000)
    }
    return false
  }

  /// Ends the guest's window, and expects that all requests succeeded and all blocks were right.
  private static func expectVerified(_ guest: BenchGuest) throws {
    try guest.command(.finish)
    for _ in 0..<60_000 where !(try guest.hasReached(.finished)) { usleep(1_000) }
    #expect(try guest.hasReached(.finished))
    try ServiceGuests.expectVerified(guest)
    for worker in guest.workers { #expect(try worker.word(WorkerWord.verifiedBlocks) > 0) }
  }

  /// vextd's service in this process, with two I/O threads.
  private final class LocalService {
    let path = "/tmp/vext-move-\(UUID().uuidString.prefix(8)).sock"
    let service: VextService
    let group: IOThreadGroup
    private let accepting: HostThread

    /// Serves the disks "a" and "b".
    init(disk: String, other: String? = nil, engine: BlockEngineKind) throws {
      let threads = try (0..<2).map {
        try IOThread(name: "move-io\($0)", cpus: nil, waiting: .adaptive, engine: engine)
      }
      let group = try IOThreadGroup(threads, rebalances: false)
      var disks: [VextServiceDisk] = []
      for (name, path) in [("a", disk), ("b", other)] as [(String, String?)] {
        guard let path else { continue }
        let image = try DiskImage(path: path, readOnly: false, direct: false)
        disks.append(try #require(VextServiceDisk(name: name, image: image, ownerID: geteuid())))
      }
      let service = try VextService(disks: disks, group: group, engine: engine)
      let listener = Listener(try PacketSocket.listening(path: path, isOpenToAll: false))
      accepting = try HostThread(name: "move-accept", cpus: nil) {
        do throws(Errno) { try service.serve(listener.socket) } catch { Issue.record("\(error)") }
      }
      self.group = group
      self.service = service
    }

    func waitForClients(_ count: Int) -> Bool {
      for _ in 0..<10_000 {
        if service.snapshot().clients.count == count { return true }
        usleep(1_000)
      }
      return false
    }

    func stop() {
      service.stop()
      accepting.join()
      for thread in group.threads { thread.stop() }
      unsafe unlink(path)
    }

    /// Carries the socket to its thread.
    private final class Listener: Sendable {
      let socket: PacketSocket
      init(_ socket: consuming PacketSocket) { self.socket = socket }
    }
  }

  /// Moves all queues of a service to and fro.
  private final class Mover {
    private let event: EventBox
    private let thread: HostThread

    private final class EventBox: Sendable {
      let event: EventDescriptor
      init() throws(Errno) { event = try EventDescriptor() }
    }

    init(_ service: LocalService) throws {
      let (group, event) = (service.group, try EventBox())
      self.event = event
      thread = try HostThread(name: "move-all", cpus: nil) {
        while !event.event.isSignalled {
          for (place, queues) in group.queues.enumerated() {
            for queue in queues { group.move(queue, to: 1 - place) }
          }
          usleep(500)
        }
      }
    }

    func stop() {
      event.event.signal()
      thread.join()
    }
  }
}
