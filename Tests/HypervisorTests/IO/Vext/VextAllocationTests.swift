import AllocationCounter
import HostSystem
import Hypervisor
import Synchronization
import Testing
import VextProtocol

extension VextTests {
  /// The data path asks the heap for nothing: every malloc of this thread is counted while it serves requests.
  @Suite struct AllocationTests {
    /// Hands out the queue that is attached, for the test to serve on its own thread.
    private final class Holder: IOQueueServer {
      private let queue = Mutex<VextDeviceQueue?>(nil)
      var held: VextDeviceQueue? { queue.withLock { $0 } }
      func attach(_ queue: any IOQueue) { self.queue.withLock { $0 = queue as? VextDeviceQueue } }
      func detach(_ queue: any IOQueue) { self.queue.withLock { $0 = nil } }
    }

    private static let batch: UInt16 = 32

    /// Serves `requestCount` requests and counts the device's allocations; the driver's are not counted, and nor is
    /// the first batch, in which Swift sets up what it initializes once per process.
    private static func allocations(
      engine kind: BlockEngineKind, requestCount: Int, entry: (UInt16) -> VextSubmissionEntry
    ) throws -> UInt64 {
      let holder = Holder()
      let fixture = try VextFixture(server: holder, depth: 64)
      let queue = try #require(holder.held)
      queue.begin(token: 0, polling: true)
      var engine = try BlockEngine(kind: kind, capacity: 64)
      var counted: UInt64 = 0
      var answered = -Int(batch)
      var failed = 0
      while answered < requestCount {
        for id in 0..<batch { fixture.driver.push(entry(id)) }
        let target = answered + Int(batch)
        while answered < target {
          let before = allocation_count()
          _ = queue.drain(engine: &engine, limit: 64)
          engine.submit()
          while let completion = engine.reap() {
            queue.complete(request: UInt32(truncatingIfNeeded: completion.token), result: completion.result)
          }
          queue.notifyDriver()
          if answered >= 0 { counted += allocation_count() - before }
          while let answer = try fixture.driver.poll() {
            answered += 1
            if answer.status != 0 { failed += 1 }
          }
        }
      }
      #expect(failed == 0)
      return counted
    }

    @Test func `the counter counts`() {
      let before = allocation_count()
      let array = [UInt8](repeating: 1, count: Int.random(in: 1000...2000))
      let between = allocation_count()
      #expect(between > before)
      #expect(array.count >= 1000)
    }

    @Test func `a million requests of the null engine allocate nothing`() throws {
      let count = try Self.allocations(engine: .null, requestCount: 1_000_000) { id in
        VextFixture.entry(id & 1 == 0 ? .read : .write, id: id, offset: UInt64(id) * 4096, byteCount: 4096)
      }
      #expect(count == 0)
    }

    @Test(arguments: TestedEngines.movers)
    func `a hundred thousand reads and writes of a file allocate nothing`(engine: BlockEngineKind) throws {
      let count = try Self.allocations(engine: engine, requestCount: 100_000) { id in
        VextFixture.entry(id & 1 == 0 ? .read : .write, id: id, offset: UInt64(id) * 4096, byteCount: 4096)
      }
      #expect(count == 0)
    }
  }
}
