import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// A driver and a service that a test takes through their steps by hand.
struct QueueSimulation {
  private static let depth: UInt32 = 8

  let memory: GuestMemory
  let record: VextQueueRecord
  var setup = VextQueueSetup(depth: Self.depth)
  var submissions: VextSubmissionProducer
  var answers: VextCompletionConsumer
  var taken: VextSubmissionConsumer
  var completions: VextCompletionProducer
  var freeIDs: [UInt16] = (0..<UInt16(Self.depth)).map { $0 }
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
    submissions = unsafe VextSubmissionProducer(ring: ring, depth: Self.depth)
    taken = unsafe VextSubmissionConsumer(ring: ring, depth: Self.depth)
    answers = unsafe VextCompletionConsumer(ring: answerRing, depth: Self.depth)
    completions = unsafe VextCompletionProducer(ring: answerRing, depth: Self.depth)
  }

  /// The driver submits a request, if it may.
  mutating func submit(_ random: inout SplitMix64) {
    guard !freeIDs.isEmpty else { return }
    let id = freeIDs.remove(at: Int.random(in: 0..<freeIDs.count, using: &random))
    outstanding.insert(id)
    submissions.push(VextSubmissionEntry(operation: VextOperation.flush.rawValue, id: id))
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
    record.begin(entry, sequence: completions.sequence)
    underWay.append(entry.id)
  }

  /// The service answers a request; tells whether it was still to note that.
  mutating func answer(_ random: inout SplitMix64, notes: Bool) {
    guard !underWay.isEmpty else { return }
    let id = underWay.remove(at: Int.random(in: 0..<underWay.count, using: &random))
    completions.push(VextCompletionEntry(id: id, status: 0, byteCount: 0))
    if notes { record.end(id) }
  }

  /// Another service takes the place of the one that ended: it knows what the rings and the table tell, and answers what was
  /// in flight.
  mutating func succeed() {
    guard let rings = GuestRings(setup, in: memory.map) else { return }
    var remains = RecoveredQueueState(rings, depth: Self.depth, record: record)
    for id in remains.pending {
      remains.completions.push(VextCompletionEntry(id: id, status: 0, byteCount: 0))
      record.end(id)
    }
    taken = remains.submissions
    completions = remains.completions
    underWay = []
  }
}
