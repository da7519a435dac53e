import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

extension VextServiceTests {
  /// What a VMM makes of the rings when its service has ended at any moment.
  @Suite struct OrphanedQueueTests {
    private static let depth: UInt32 = 8

    /// A driver and a service that a test takes through their steps by hand.
    private struct Simulation {
      let memory: GuestMemory
      let record: VextQueueRecord
      var setup = VextQueueSetup(depth: depth)
      var submissions: SubmissionProducer
      var answers: CompletionConsumer
      var taken: SubmissionConsumer
      var completions: CompletionProducer
      var freeIDs: [UInt16] = (0..<UInt16(depth)).map { $0 }
      var outstanding: Set<UInt16> = []
      var underWay: [UInt16] = []

      init() throws {
        memory = try GuestMemory(byteCount: 64 << 10, isShared: true)
        record = try VextQueueTable(
          SharedMemoryFile(name: "table", byteCount: VextQueueTable.byteCount)
        ).record(of: 3)
        setup.submissionRing = 0x1000
        setup.completionRing = 0x4000
        guard
          let ring = unsafe memory.map.hostPointer(GuestAddress(0x1000), byteCount: 0x1000),
          let answerRing = unsafe memory.map.hostPointer(GuestAddress(0x4000), byteCount: 0x1000)
        else { throw Errno.badAddress }
        submissions = unsafe SubmissionProducer(ring: ring, depth: depth)
        taken = unsafe SubmissionConsumer(ring: ring, depth: depth)
        answers = unsafe CompletionConsumer(ring: answerRing, depth: depth)
        completions = unsafe CompletionProducer(ring: answerRing, depth: depth)
      }

      /// The driver submits a request, if it may.
      mutating func submit(_ random: inout SplitMix64) {
        guard !freeIDs.isEmpty else { return }
        let id = freeIDs.remove(at: Int.random(in: 0..<freeIDs.count, using: &random))
        outstanding.insert(id)
        submissions.push(SubmissionEntry(operation: VextOperation.flush.rawValue, id: id))
      }

      /// The driver takes an answer; tells whether there was one.
      mutating func consume(expecting status: UInt16? = nil) -> Bool {
        guard case .ready(let answer) = answers.poll() else { return false }
        let wasOutstanding = outstanding.remove(answer.id) != nil
        #expect(wasOutstanding, "\(answer.id) was answered twice")
        if let status { #expect(answer.status == status) }
        freeIDs.append(answer.id)
        return true
      }

      /// The service takes a request.
      mutating func take() {
        guard case .ready(let entry) = taken.poll() else { return }
        record.begin(entry.id, sequence: completions.sequence)
        underWay.append(entry.id)
      }

      /// The service answers a request; tells whether it was still to note that.
      mutating func answer(_ random: inout SplitMix64, notes: Bool) {
        guard !underWay.isEmpty else { return }
        let id = underWay.remove(at: Int.random(in: 0..<underWay.count, using: &random))
        completions.push(CompletionEntry(id: id, status: 0, byteCount: 0))
        if notes { record.end(id) }
      }
    }

    @Test(arguments: 0..<64 as Range<UInt64>)
    func `every request is answered exactly once, wherever the service ended`(seed: UInt64) throws {
      for step in 0..<60 {
        var random = SplitMix64(seed: seed)
        var simulation = try Simulation()
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
      var stopped = try Simulation()
      stopped.submit(&random)
      stopped.record.stop(VextQueueFault(error: .badOperation, detail: 0))
      var orphan = try #require(
        OrphanedVextQueue(stopped.setup, memory: stopped.memory, record: stopped.record))
      orphan.serve()
      let isAnswered = stopped.consume()
      #expect(!isAnswered)

      let simulation = try Simulation()
      var other = try #require(
        OrphanedVextQueue(simulation.setup, memory: simulation.memory, record: simulation.record))
      try simulation.memory.store(UInt64(7) << 32, at: GuestAddress(0x1000))
      other.serve()
      #expect(simulation.record.fault == VextQueueFault(error: .badLap, detail: 0))
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `rings of garbage do no harm`(seed: UInt64) throws {
      var random = SplitMix64(seed: seed)
      let simulation = try Simulation()
      for address in stride(from: 0x1000, to: 0x5000, by: 8) as StrideTo<UInt64> {
        try simulation.memory.store(random.next(), at: GuestAddress(address))
      }
      for id in 0..<8 as Range<UInt16> where Bool.random(using: &random) {
        simulation.record.begin(id, sequence: random.next())
      }
      var orphan = try #require(
        OrphanedVextQueue(simulation.setup, memory: simulation.memory, record: simulation.record))
      for _ in 0..<4 { orphan.serve() }
      #expect(simulation.record.fault == .none || simulation.record.fault.error == .badLap)
    }
  }
}
