import HostSystem
import Testing
import VextProtocol

@testable import Hypervisor

/// The queues that a polling I/O thread polls in a pass.
@Suite struct VextPollingSetTests {
  /// Hands over what a device attaches.
  private final class Collector: IOQueueServer, @unchecked Sendable {
    private(set) var queues: [VextDeviceQueue] = []

    func attach(_ queue: any IOQueue) {
      guard let queue = queue as? VextDeviceQueue else { return }
      queue.begin(token: UInt64(queues.count) << 32, polling: true)
      queues.append(queue)
    }

    func detach(_ queue: any IOQueue) { queues.removeAll { $0 === queue } }
  }

  /// Two queues of a device in a polling set, and the thread's engine.
  private final class Bench {
    let collector: Collector
    let fixture: VextFixture
    var set = VextPollingSet()
    var engine: BlockEngine
    var deferred = DeferredNotifications()
    var shares = MachineShares()

    init() throws {
      let engine = try BlockEngine(kind: .sync, capacity: 16)
      let collector = Collector()
      fixture = try VextFixture(server: collector, queueCount: 2)
      self.collector = collector
      self.engine = engine
      for (slot, queue) in collector.queues.enumerated() {
        let machine = shares.attach(slot, memory: ObjectIdentifier(queue.memory), weight: 100)
        set.insert(PolledVextQueue(queue, queueIndex: slot, machine: machine))
        deferred.attach(slot, hasListener: false)
      }
    }

    /// A pass in which the first queue has an entry that uses up all that the thread does itself in a pass.
    func busyPass() throws {
      fixture.drivers[0].push(
        VextSubmissionEntry(operation: VextOperation.discard.rawValue, id: 0, offset: 0, length: 4096))
      pass()
      while try fixture.drivers[0].poll() != nil {}
    }

    func pass() {
      _ = set.drain(engine: &engine, shares: &shares, notifications: &deferred)
      engine.submit()
    }
  }

  @Test func `a quiet queue has its turn beside one that always uses the pass up`() throws {
    let bench = try Bench()
    for _ in 0..<3000 { try bench.busyPass() }
    for _ in 0..<20 {
      bench.fixture.drivers[1].push(VextFixture.entry(.read, byteCount: 512))
      var answer: VextCompletionEntry?
      for _ in 0..<20 where answer == nil {
        try bench.busyPass()
        answer = try bench.fixture.drivers[1].poll()
      }
      #expect(answer?.status == 0)
    }
  }

  @Test func `a pass without work polls every quiet queue`() throws {
    let bench = try Bench()
    for _ in 0..<5000 { bench.pass() }
    for driver in bench.fixture.drivers {
      driver.push(VextFixture.entry(.read, byteCount: 512))
      bench.pass()
      #expect(try driver.poll()?.status == 0)
    }
  }

  @Test func `a stopped or removed queue does not affect the others`() throws {
    let bench = try Bench()
    bench.fixture.drivers[0].push(VextSubmissionEntry(operation: 99, id: 0))
    for _ in 0..<5000 { bench.pass() }
    #expect(bench.fixture.drivers[0].state == .stopped)
    for _ in 0..<3 {
      bench.fixture.drivers[1].push(VextFixture.entry(.read, byteCount: 512))
      bench.pass()
      #expect(try bench.fixture.drivers[1].poll()?.status == 0)
      bench.set.remove(bench.collector.queues[0])
    }
  }
}
