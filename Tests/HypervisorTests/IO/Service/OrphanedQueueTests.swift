import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

extension VextServiceTests {
  /// What a VMM makes of the rings when its service has ended at any moment.
  @Suite struct OrphanedQueueTests {
    @Test(arguments: 0..<64 as Range<UInt64>)
    func `every request is answered exactly once, wherever the service ended`(seed: UInt64) throws {
      for step in 0..<60 {
        var random = SplitMix64(seed: seed)
        var simulation = try QueueSimulation()
        for _ in 0..<step {
          switch Int.random(in: 0..<4, using: &random) {
          case 0: simulation.submit(&random)
          case 1: simulation.take()
          case 2: simulation.answer(&random, notes: true)
          default: _ = simulation.consume()
          }
        }
        // The moment that is hardest to tell: answered, and not yet noted.
        if seed % 2 == 0 { simulation.answer(&random, notes: false) }
        var orphan = try #require(
          OrphanedVextQueue(simulation.setup, memory: simulation.memory, record: simulation.record))
        while simulation.consume() {}
        orphan.serve()
        while simulation.consume(expecting: UInt16(Errno.ioError.rawValue)) {}
        #expect(simulation.outstanding.isEmpty, "seed \(seed), step \(step)")
        for _ in 0..<30 {
          simulation.submit(&random)
          orphan.serve()
          let isAnswered = simulation.consume(expecting: UInt16(Errno.ioError.rawValue))
          #expect(isAnswered)
        }
      }
    }

    @Test func `a queue that had stopped stays stopped, and a lap that cannot be stops it`() throws {
      var random = SplitMix64(seed: 1)
      var stopped = try QueueSimulation()
      stopped.submit(&random)
      stopped.record.stop(VextQueueFault(error: .badOperation, detail: 0))
      var orphan = try #require(
        OrphanedVextQueue(stopped.setup, memory: stopped.memory, record: stopped.record))
      orphan.serve()
      let isAnswered = stopped.consume()
      #expect(!isAnswered)

      let simulation = try QueueSimulation()
      var other = try #require(
        OrphanedVextQueue(simulation.setup, memory: simulation.memory, record: simulation.record))
      try simulation.memory.store(UInt64(7) << 32, at: GuestAddress(0x1000))
      other.serve()
      #expect(simulation.record.fault == VextQueueFault(error: .badLap, detail: 0))
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `rings of garbage do no harm`(seed: UInt64) throws {
      var random = SplitMix64(seed: seed)
      let simulation = try QueueSimulation()
      for address in stride(from: 0x1000, to: 0x5000, by: 8) as StrideTo<UInt64> {
        try simulation.memory.store(random.next(), at: GuestAddress(address))
      }
      for id in 0..<8 as Range<UInt16> where Bool.random(using: &random) {
        simulation.record.begin(VextSubmissionEntry(operation: 1, id: id), sequence: random.next())
      }
      var orphan = try #require(
        OrphanedVextQueue(simulation.setup, memory: simulation.memory, record: simulation.record))
      for _ in 0..<4 { orphan.serve() }
      #expect(simulation.record.fault == .none || simulation.record.fault.error == .badLap)
    }
  }
}
