import CLinux
import Glibc
import Testing

@testable import Hypervisor

/// How an I/O thread is divided between machines.
@Suite struct MachineSharesTests {
  /// What tells a machine apart.
  private final class Memory {}

  /// A queue that always has requests of one size.
  private struct Load {
    let machine: Int
    let slot: Int
    var byteCount: UInt64 = 4096
    var started = 0
    var inFlight = 0
  }

  /// Machines with queues that always want something, and an engine.
  private struct Bench: ~Copyable {
    var shares = MachineShares()
    var engine: BlockEngine
    let memories = (0..<8).map { _ in Memory() }
    let handle: DiskHandle
    var loads: [Load] = []

    init(_ kind: BlockEngineKind = .null, handle: DiskHandle = Bench.disk) throws {
      engine = try BlockEngine(kind: kind, capacity: 4096)
      self.handle = handle
    }

    static let disk = DiskHandle(
      descriptor: -1, byteCount: 1 << 40, blockByteCount: 512, isDirect: false, isReadOnly: false,
      canDiscard: true,
      formatted: nil, memory: nil)

    /// Gives the machine `number` queues.
    mutating func add(_ number: Int, queues: Int, weight: Int = 100, byteCount: UInt64 = 4096) {
      for _ in 0..<queues {
        let slot = loads.count
        let machine = shares.attach(slot, memory: ObjectIdentifier(memories[number]), weight: weight)
        loads.append(Load(machine: machine, slot: slot, byteCount: byteCount))
      }
    }

    /// One pass over all queues, or those that `wants` names.
    mutating func pass(throttle: DiskThrottle? = nil, _ wants: (Int) -> Bool = { _ in true }) {
      shares.beginPass()
      for index in loads.indices where wants(index) && !shares.isServed(loads[index].machine) {
        let byteCount = loads[index].byteCount
        let handle = handle
        loads[index].started += shares.serve(loads[index].machine, throttle, &engine) { engine, limit in
          var taken = 0
          while taken < limit, engine.room > 0, !engine.isSpent {
            _ = engine.start(
              .read, on: handle, vectors: IOVectors(), offset: 0, byteCount: byteCount,
              token: 0)
            taken += 1
          }
          return taken
        }
      }
      engine.submit()
    }

    func started(_ machine: Int) -> Int {
      loads.filter { $0.machine == machine }.reduce(0) { $0 + $1.started }
    }

    func bytes(_ machine: Int) -> UInt64 {
      loads.filter { $0.machine == machine }.reduce(0) { $0 + UInt64($1.started) * ($1.byteCount + 4096) }
    }
  }

  @Test func `a machine with 128 queues gets as much as one with a single queue`() throws {
    var bench = try Bench()
    bench.add(0, queues: 128)
    bench.add(1, queues: 1)
    for _ in 0..<1000 { bench.pass() }
    // The first pass is not divided yet.
    #expect(abs(bench.started(0) - bench.started(1)) <= 128 * 64)
    #expect(bench.started(1) > 63_900)
  }

  @Test(arguments: [(100, 300), (1, 1000), (1000, 10)])
  func `machines that always want something get what their weights say`(weights: (Int, Int)) throws {
    var bench = try Bench()
    bench.add(0, queues: 40, weight: weights.0)
    bench.add(1, queues: 40, weight: weights.1)
    for _ in 0..<5000 { bench.pass() }
    let ratio = Double(bench.started(0)) / Double(bench.started(1))
    let wanted = Double(weights.0) / Double(weights.1)
    #expect(abs(ratio / wanted - 1) < 0.15)
  }

  @Test func `large requests cost what their bytes do`() throws {
    var bench = try Bench()
    bench.add(0, queues: 1, byteCount: 16 << 20)
    bench.add(1, queues: 1)
    for _ in 0..<20_000 { bench.pass() }
    let ratio = Double(bench.bytes(0)) / Double(bench.bytes(1))
    #expect(abs(ratio - 1) < 0.05)
  }

  @Test func `a machine that is alone is not held back, whatever it owed before`() throws {
    var bench = try Bench()
    bench.add(0, queues: 4, byteCount: 16 << 20)
    bench.add(1, queues: 1)
    for _ in 0..<10 { bench.pass() }
    bench.pass { $0 < 4 }
    let before = bench.started(0)
    bench.pass { $0 < 4 }
    #expect(bench.started(0) - before == 4 * 64)
  }

  @Test func `as long as two machines use the engine, none has more in flight than its part`() throws {
    let disk = VirtioTemporaryDisk(byteCount: 1 << 16)
    let image = try DiskImage(path: disk.path, readOnly: true, direct: false)
    var bench = try Bench(.libaio, handle: image.handle)
    bench.add(0, queues: 20)
    bench.add(1, queues: 1)
    // Nobody else has used the engine.
    bench.pass { $0 < 20 }
    #expect(bench.engine.inFlight == 20 * 64)
    bench.pass { $0 == 20 }
    #expect(bench.engine.inFlight == 20 * 64 + MachineShares.sharedDepth / 2)
    bench.pass()
    #expect(bench.engine.inFlight == 20 * 64 + MachineShares.sharedDepth / 2)
    while bench.engine.inFlight > 0 {
      // The token names queue 0, whose machine answers for its own and for those of the other.
      if bench.engine.reap() != nil { bench.shares.finish(0) }
    }
  }

  @Test func `machines come and go`() throws {
    var bench = try Bench()
    for round in 0..<50 {
      bench.add(round % 8, queues: 3)
      bench.pass()
      for load in bench.loads { bench.shares.detach(load.slot) }
      bench.loads = []
    }
    bench.add(0, queues: 1)
    bench.pass()
    #expect(bench.loads[0].started == 64)
  }

  @Test func `a throttled disk takes its burst, and then waits for its time`() throws {
    var bench = try Bench()
    bench.add(0, queues: 4)
    let throttle = try #require(
      DiskThrottle(requestsPerSecond: 10, bytesPerSecond: nil, burstMilliseconds: 2000))
    for _ in 0..<50 { bench.pass(throttle: throttle) }
    #expect((20...22).contains(bench.started(0)))
    #expect(bench.shares.admission != .max)
    bench.pass { _ in false }
    #expect(bench.shares.admission == .max)
  }
}
