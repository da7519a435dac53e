import HostSystem
import Synchronization
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// Queues that move from one I/O thread to another.
@Suite(.serialized) struct IOThreadGroupTests {
  /// A queue whose requests end when a test says so.
  private final class HeldQueue: IOQueue {
    let disk = DiskHandle(
      descriptor: -1, byteCount: 1 << 20, blockByteCount: 512, isDirect: false, isReadOnly: false,
      canDiscard: true)
    let memory: GuestMemory
    let notificationDescriptor: Int32? = nil
    let share: DiskShare
    private let heldCount = Atomic<Int>(0)
    private let attachCount = Atomic<Int>(0)
    private let pollCount = Atomic<Int>(0)
    private let publishedCount = Atomic<Int>(0)

    init(share: DiskShare = DiskShare()) throws {
      memory = try GuestMemory(byteCount: 1 << 20)
      self.share = share
    }

    var inFlight: Int { heldCount.load(ordering: .acquiring) }
    /// How often a thread began to serve it.
    var attachments: Int { attachCount.load(ordering: .acquiring) }
    var polls: Int { pollCount.load(ordering: .acquiring) }
    /// How often a thread told the driver of completions.
    var publications: Int { publishedCount.load(ordering: .acquiring) }

    func hold(_ count: Int) { heldCount.store(count, ordering: .releasing) }

    func begin(token: UInt64, polling: Bool) { attachCount.wrappingAdd(1, ordering: .releasing) }
    func drain(engine: inout BlockEngine, limit: Int) -> Int {
      pollCount.wrappingAdd(1, ordering: .releasing)
      return 0
    }
    func complete(request: UInt32, result: Int64) {}
    func notifyDriver() -> Bool {
      publishedCount.wrappingAdd(1, ordering: .releasing)
      return false
    }
    func confirmWake() {}
    func prepareToSleep() -> Bool { true }
    func didWake() {}
    func drainNotification() {}

    /// Whether a thread polls it now.
    func isPolled() -> Bool {
      let before = polls
      return eventually(within: 1) { polls > before + 1 }
    }
  }

  /// Two polling threads and a group of them.
  private final class Bench {
    let threads: [IOThread]
    let group: IOThreadGroup

    init(waiting: IOThread.Waiting = .polling, engine: BlockEngineKind = .sync) throws {
      threads = try (0..<2).map {
        try IOThread(name: "group-test\($0)", cpus: nil, waiting: waiting, engine: engine)
      }
      group = try IOThreadGroup(threads, rebalances: false)
    }

    func places(of queue: any IOQueue) -> [Int] {
      group.queues.indices.filter { group.queues[$0].contains { $0 === queue } }
    }

    deinit { for thread in threads { thread.stop() } }
  }

  @Test func `a queue moves, and the other thread polls it`() throws {
    let bench = try Bench()
    let queue = try HeldQueue()
    try bench.group.servers[0].attach(queue)
    #expect(bench.places(of: queue) == [0])
    for round in 1...20 {
      #expect(bench.group.move(queue, to: round % 2))
      #expect(queue.isPolled())
      #expect(queue.attachments == round + 1)
      #expect(bench.places(of: queue) == [round % 2])
    }
    #expect(bench.group.moveCount == 20)
    #expect(bench.group.move(queue, to: 0))
    #expect(queue.attachments == 21)
    bench.group.servers[1].detach(queue)
    #expect(!queue.isPolled())
    #expect(bench.places(of: queue).isEmpty)
    #expect(!bench.group.move(queue, to: 1))
  }

  @Test func `a queue with requests in flight is not polled, and moves when they have ended`() throws {
    let bench = try Bench()
    let queue = try HeldQueue()
    try bench.group.servers[0].attach(queue)
    queue.hold(3)
    let mover = try HostThread(name: "mover", cpus: nil) { [group = bench.group] in group.move(queue, to: 1) }
    #expect(eventually { bench.group.moveCount == 1 })
    #expect(eventually { !queue.isPolled() })
    #expect(queue.attachments == 1)
    // A second move waits for the first.
    #expect(!bench.group.move(queue, to: 0))
    queue.hold(0)
    mover.join()
    #expect(queue.attachments == 2)
    #expect(queue.publications >= 1)
    #expect(queue.isPolled())
    bench.group.servers[0].detach(queue)
  }

  @Test func `a queue that is detached on its way, with requests in flight, leaves when they have ended`()
    throws
  {
    let bench = try Bench()
    let queue = try HeldQueue()
    try bench.group.servers[0].attach(queue)
    queue.hold(1)
    let mover = try HostThread(name: "mover", cpus: nil) { [group = bench.group] in group.move(queue, to: 1) }
    #expect(eventually { bench.group.moveCount == 1 })
    let detachment = bench.group.servers[1].startDetaching(queue)
    // Who moves it does not wait any more.
    mover.join()
    HostClock.sleep(nanoseconds: 2_000_000)
    #expect(!detachment.isDone)
    queue.hold(0)
    #expect(eventually { detachment.isDone })
    #expect(queue.attachments == 1)
    #expect(!queue.isPolled())
  }

  @Test func `a queue is detached wherever it is, at any moment of a move`() throws {
    let bench = try Bench()
    for round in 0..<100 {
      let queue = try HeldQueue()
      try bench.group.servers[round % 2].attach(queue)
      let mover = try HostThread(name: "mover", cpus: nil) { [group = bench.group] in
        for step in 1...3 { group.move(queue, to: (round + step) % 2) }
      }
      HostClock.sleep(nanoseconds: UInt64(round % 30) * 10_000)
      bench.group.servers[0].detach(queue)
      let polls = queue.polls
      mover.join()
      #expect(queue.polls == polls)
      #expect(bench.places(of: queue).isEmpty)
    }
  }

  @Test func `a queue does not move to a thread that cannot serve it, and one that has ended lets it go`()
    throws
  {
    let bench = try Bench(waiting: .events)
    let silent = try HeldQueue()
    #expect(throws: Errno.invalidArgument) { try bench.group.servers[0].attach(silent) }
    #expect(!bench.group.move(silent, to: 1))
    let polling = try Bench()
    let queue = try HeldQueue()
    try polling.group.servers[0].attach(queue)
    polling.threads[1].stop()
    #expect(polling.group.move(queue, to: 1))
    #expect(!queue.isPolled())
    polling.group.servers[0].detach(queue)
    #expect(polling.places(of: queue).isEmpty)
  }

  @Test func `a queue moves while the limits of its disk hold it back`() throws {
    let bench = try Bench()
    let throttle = try #require(
      DiskThrottle(requestsPerSecond: 1, bytesPerSecond: nil, burstMilliseconds: 1000))
    throttle.charge(requests: 1_000, bytes: 0, at: HostClock.monotonicNanoseconds())
    let queue = try HeldQueue(share: DiskShare(throttle: throttle))
    try bench.group.servers[0].attach(queue)
    for round in 1...10 { #expect(bench.group.move(queue, to: round % 2)) }
    #expect(queue.attachments == 11)
    #expect(queue.polls == 0)
    bench.group.servers[0].detach(queue)
  }

  /// A driver keeps a queue busy while the queue moves: each answer comes once, with the right data.
  @Test(arguments: [IOThread.Waiting.polling, .adaptive], TestedEngines.movers)
  func `no request of a queue that moves is lost or answered twice`(
    waiting: IOThread.Waiting, engine: BlockEngineKind
  ) throws {
    let bench = try Bench(waiting: waiting, engine: engine)
    let fixture = try VextFixture(
      servers: bench.group.servers, queueCount: 2,
      accepting: waiting == .adaptive ? [.doorbell, .interrupt] : nil)
    for driver in fixture.drivers where waiting == .adaptive { try driver.setDriverWord(1) }
    let isOver = Flag()
    let mover = try HostThread(name: "mover", cpus: nil) { [group = bench.group] in
      var place = 0
      while !isOver.isSet {
        place = 1 - place
        for queue in group.queues.joined() { group.move(queue, to: place) }
        HostClock.sleep(nanoseconds: 200_000)
      }
    }
    defer {
      isOver.set()
      mover.join()
      fixture.device.shutDown()
    }
    for round in 0..<150 {
      for driver in fixture.drivers {
        for id in 0..<8 as Range<UInt16> {
          driver.push(VextFixture.entry(.read, id: id, offset: UInt64(id) * 512))
        }
        driver.notify()
      }
      for driver in fixture.drivers {
        var answered: Set<UInt16> = []
        for _ in 0..<8 {
          let answer = try driver.completion()
          #expect(answer.status == 0 && answer.byteCount == 512)
          answered.insert(answer.id)
        }
        #expect(answered.count == 8)
        #expect(try driver.poll() == nil)
      }
      // All requests use one buffer: those of both drivers have ended.
      for driver in fixture.drivers {
        driver.push(VextFixture.entry(.read, id: 9, offset: 0x8000))
        driver.notify()
        #expect(try driver.completion().id == 9)
        #expect(try fixture.bytes(512) == VirtioTemporaryDisk.pattern(0x8000, 512))
      }
      guard round % 50 == 49 else { continue }
      // A reset of the guest's, in the middle of a move or not.
      for driver in fixture.drivers {
        try driver.restart()
        if waiting == .adaptive { try driver.setDriverWord(1) }
      }
    }
    #expect(bench.group.moveCount > 10)
  }

  /// Set by one thread, read by another.
  private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
  }

  @Test func `the balancer divides two busy queues of one thread between two`() throws {
    let threads = try (0..<2).map {
      try IOThread(name: "balance-test\($0)", cpus: nil, waiting: .adaptive, engine: .null)
    }
    let group = try IOThreadGroup(threads, rebalances: true)
    defer {
      group.stopRebalancing()
      for thread in threads { thread.stop() }
    }
    let busy = try (0..<2).map { _ in try BusyQueue() }
    for queue in busy { try group.servers[0].attach(queue) }
    defer { for queue in busy { group.servers[0].detach(queue) } }
    #expect(eventually(within: 60) { group.queues.map(\.count) == [1, 1] })
    #expect(group.moveCount == 1)
    group.stopRebalancing()
    group.stopRebalancing()
  }

  /// A queue that always has a request.
  private final class BusyQueue: IOQueue, @unchecked Sendable {
    let disk = DiskHandle(
      descriptor: -1, byteCount: 1 << 20, blockByteCount: 512, isDirect: false, isReadOnly: false,
      canDiscard: true)
    let memory: GuestMemory
    let notificationDescriptor: Int32? = nil
    let inFlight = 0
    private(set) var takenCount: UInt64 = 0

    init() throws { memory = try GuestMemory(byteCount: 1 << 20) }

    func begin(token: UInt64, polling: Bool) {}
    func drain(engine: inout BlockEngine, limit: Int) -> Int {
      takenCount &+= 1
      for _ in 0..<20 { SpinHint.pause() }
      return 1
    }
    func complete(request: UInt32, result: Int64) {}
    func notifyDriver() -> Bool { false }
    func confirmWake() {}
    func prepareToSleep() -> Bool { false }
    func didWake() {}
    func drainNotification() {}
  }

  @Test func `busy time is that of passes with work, and not of sleeps`() {
    var time = BusyTime()
    time.start(at: 1000)
    time.notePass(hadWork: false, at: 1100)
    time.notePass(hadWork: true, at: 1300)
    time.notePass(hadWork: false, at: 1350)
    // A counter that is behind.
    time.notePass(hadWork: true, at: 1340)
    time.notePass(hadWork: true, at: 1400)
    let share = time.finish(at: 1500)
    #expect(abs(share - 0.52) < 0.001)
    #expect(!time.isMeasured)
    time.start(at: 10)
    let none = time.finish(at: 10)
    #expect(none == 0)
  }
}
