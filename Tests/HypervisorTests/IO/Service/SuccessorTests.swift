import HostSystem
import SystemPackage
import TestSupport
import Testing
import VextProtocol

@testable import Hypervisor

extension VextServiceTests {
  /// What a service makes of the rings and the table that its predecessor left.
  @Suite struct SuccessorTests {
    @Test(arguments: 0..<48 as Range<UInt64>)
    func `a successor answers every request exactly once, wherever each service ended`(seed: UInt64) throws {
      let disk = VirtioTemporaryDisk(byteCount: 1 << 20)
      let image = try DiskImage(path: disk.path, readOnly: true, direct: false)
      for step in 0..<40 {
        var random = SplitMix64(seed: seed &* 64 &+ UInt64(step))
        var simulation = try QueueSimulation()
        let device = VextServedDisk(
          memory: simulation.memory, image: image, log: VextLog(device: "test"))
        for generation in 0..<3 {
          for _ in 0..<step {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: simulation.submit(&random)
            case 1: simulation.take()
            case 2: simulation.answer(&random, notes: true)
            default: _ = simulation.consume(expecting: 0)
            }
          }
          if Bool.random(using: &random) { simulation.answer(&random, notes: false) }
          // The middle generation is a service of the simulation again, and the last one the real queue.
          guard generation == 2 else {
            simulation.succeed()
            continue
          }
          var engine = try BlockEngine(kind: .null, capacity: 1)
          let queue = try device.continueQueue(
            simulation.setup, name: "queue", activity: nil, record: simulation.record, engine: &engine
          ) { _ in VextWake.never }
          let server = try SteppedQueueServer(engine: .null, polling: true, capacity: 64)
          server.attach(queue)
          server.serveAll()
          while simulation.consume(expecting: 0) {}
          #expect(simulation.outstanding.isEmpty, "seed \(seed), step \(step)")
          for _ in 0..<30 {
            simulation.submit(&random)
            server.serveAll()
            let isAnswered = simulation.consume(expecting: 0)
            #expect(isAnswered)
          }
          server.detach(queue)
        }
      }
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func `a successor survives random rings and tables`(seed: UInt64) throws {
      var random = SplitMix64(seed: seed)
      let disk = VirtioTemporaryDisk(byteCount: 1 << 20)
      let image = try DiskImage(path: disk.path, readOnly: true, direct: false)
      let simulation = try QueueSimulation()
      for address in stride(from: 0x1000, to: 0x5000, by: 8) as StrideTo<UInt64> {
        try simulation.memory.store(random.next(), at: GuestAddress(address))
      }
      for id in 0..<8 as Range<UInt16> {
        var entry = VextSubmissionEntry(operation: UInt8.random(in: 0..<9, using: &random), id: id)
        if Bool.random(using: &random) { entry.offset = random.next() }
        if Bool.random(using: &random) { entry.segment0.address = GuestAddress(random.next()) }
        entry.segment0.byteCount = UInt32(truncatingIfNeeded: random.next())
        simulation.record.begin(entry, sequence: random.next())
      }
      let device = VextServedDisk(
        memory: simulation.memory, image: image, log: VextLog(device: "test"))
      var engine = try BlockEngine(kind: .sync, capacity: 1)
      do throws(VextQueueFault) {
        let queue = try device.continueQueue(
          simulation.setup, name: "queue", activity: nil, record: simulation.record, engine: &engine
        ) { _ in VextWake.never }
        #expect(queue.inFlight == 0)
      } catch { #expect(error.error != .none) }
    }
  }
}
