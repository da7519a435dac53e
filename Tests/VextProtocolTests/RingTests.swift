import Testing
import VextProtocol

/// Both ends of both rings over the same bytes.
@Suite struct RingTests {
  @Test(arguments: [2, 8, 1024] as [UInt32])
  func `submissions arrive in order over several laps`(depth: UInt32) throws {
    let memory = RingMemory(byteCount: Int(depth) * VextSubmissionEntry.encodedByteCount)
    var producer = unsafe VextSubmissionProducer(ring: memory.base, depth: depth)
    var consumer = unsafe VextSubmissionConsumer(ring: memory.base, depth: depth)
    for number in 0..<depth * 5 + 1 {
      #expect(consumer.nextIndex == number % depth)
      producer.push(
        VextSubmissionEntry(
          operation: UInt8(truncatingIfNeeded: number), flags: .segmentList,
          id: UInt16(truncatingIfNeeded: number), offset: UInt64(number) << 20, length: UInt64(number),
          segment0: VextSegment(address: GuestAddress(UInt64(number) << 32), byteCount: number),
          segment1: VextSegment(address: GuestAddress(UInt64(number) << 40), byteCount: ~number)))
      guard case .ready(let entry) = consumer.poll() else {
        Issue.record("entry \(number) did not arrive")
        return
      }
      #expect(entry.operation == UInt8(truncatingIfNeeded: number))
      #expect(entry.flags == .segmentList)
      #expect(entry.id == UInt16(truncatingIfNeeded: number))
      #expect(entry.lap == number / depth + 1)
      #expect(entry.offset == UInt64(number) << 20)
      #expect(entry.length == UInt64(number))
      #expect(entry.segment0.address == GuestAddress(UInt64(number) << 32))
      #expect(entry.segment0.byteCount == number)
      #expect(entry.segment1.address == GuestAddress(UInt64(number) << 40))
      #expect(entry.segment1.byteCount == ~number)
      #expect(entry.segment0.reserved | entry.segment1.reserved == 0)
      #expect(entry.reserved == 0)
    }
  }

  @Test(arguments: [2, 8, 1024] as [UInt32])
  func `completions arrive in order over several laps`(depth: UInt32) throws {
    let memory = RingMemory(byteCount: Int(depth) * VextCompletionEntry.encodedByteCount)
    var producer = unsafe VextCompletionProducer(ring: memory.base, depth: depth)
    var consumer = unsafe VextCompletionConsumer(ring: memory.base, depth: depth)
    // In batches of a full ring, the most that may be without an answer.
    for lap in 1...5 as ClosedRange<UInt32> {
      for index in 0..<depth {
        producer.push(
          VextCompletionEntry(
            id: UInt16(index), status: UInt16(lap), byteCount: UInt64(lap) << 32 | UInt64(index)))
      }
      for index in 0..<depth {
        guard case .ready(let entry) = consumer.poll() else {
          Issue.record("answer \(index) of lap \(lap) did not arrive")
          return
        }
        #expect(entry.id == UInt16(index))
        #expect(entry.status == UInt16(lap))
        #expect(entry.byteCount == UInt64(lap) << 32 | UInt64(index))
        #expect(entry.lap == lap)
      }
      #expect(consumer.poll().isIdle)
    }
  }

  @Test func `reserved fields arrive as they were written`() {
    let memory = RingMemory(byteCount: 128)
    var producer = unsafe VextSubmissionProducer(ring: memory.base, depth: 2)
    var consumer = unsafe VextSubmissionConsumer(ring: memory.base, depth: 2)
    var entry = VextSubmissionEntry(operation: 1, id: 0)
    entry.reserved = 1
    entry.segment0.reserved = 2
    entry.segment1.reserved = 3
    producer.push(entry)
    guard case .ready(let copy) = consumer.poll() else {
      Issue.record("the entry did not arrive")
      return
    }
    #expect(copy.reserved == 1)
    #expect(copy.segment0.reserved == 2)
    #expect(copy.segment1.reserved == 3)
  }

  @Test func `an untouched ring is idle, and stays so however often it is polled`() {
    let memory = RingMemory(byteCount: 128)
    var submissions = unsafe VextSubmissionConsumer(ring: memory.base, depth: 2)
    var completions = unsafe VextCompletionConsumer(ring: memory.base, depth: 2)
    for _ in 0..<5 {
      #expect(submissions.poll().isIdle)
      #expect(completions.poll().isIdle)
    }
    #expect(submissions.nextIndex == 0)
  }

  @Test(arguments: [2, 3, 0x8000_0000, 0xFFFF_FFFF] as [UInt32])
  func `an impossible lap is a violation in either ring`(lap: UInt32) {
    let memory = RingMemory(byteCount: 128)
    var submissions = unsafe VextSubmissionConsumer(ring: memory.base, depth: 2)
    memory.store(UInt64(lap) << 32, word: 0)
    #expect(submissions.poll().isViolation)
    #expect(submissions.nextIndex == 0)
    var completions = unsafe VextCompletionConsumer(ring: memory.base, depth: 2)
    memory.store(UInt64(lap) << 32, word: 1)
    #expect(completions.poll().isViolation)
  }

  @Test func `a lap that goes back is a violation`() {
    let memory = RingMemory(byteCount: 128)
    var producer = unsafe VextSubmissionProducer(ring: memory.base, depth: 2)
    var consumer = unsafe VextSubmissionConsumer(ring: memory.base, depth: 2)
    for _ in 0..<4 {
      producer.push(VextSubmissionEntry(operation: 1, id: 0))
      #expect(consumer.poll().isReady)
    }
    // The consumer is on lap 3: lap 2 is idle, lap 1 was overwritten long ago.
    memory.store(1 << 32, word: 0)
    #expect(consumer.poll().isViolation)
    memory.store(2 << 32, word: 0)
    #expect(consumer.poll().isIdle)
    memory.store(3 << 32, word: 0)
    #expect(consumer.poll().isReady)
  }

  @Test func `a position wraps at its depth and counts its laps`() {
    var position = VextRingPosition(depth: 4)
    var seen: [[UInt32]] = []
    for _ in 0..<9 {
      seen.append([position.lap, position.index])
      position.advance()
    }
    #expect(seen == [[1, 0], [1, 1], [1, 2], [1, 3], [2, 0], [2, 1], [2, 2], [2, 3], [3, 0]])
  }

  @Test func `a lap count wraps at 2^32 and idle, ready and violation stay apart`() {
    var position = VextRingPosition(depth: 2)
    position.lap = .max
    position.advance()
    #expect(position.lap == .max)
    position.advance()
    #expect(position.lap == 0)
    #expect(position.index == 0)
    // On lap 0, idle is 2^32 - 1, what the slot carries from the lap before.
    #expect(position.lap &- 1 == .max)
    position.advance()
    position.advance()
    #expect(position.lap == 1)
    // On lap 1 once more idle is 0, as in a fresh ring.
    #expect(position.lap &- 1 == 0)
  }
}

extension VextRingPoll {
  var isIdle: Bool { if case .idle = self { true } else { false } }
  var isReady: Bool { if case .ready = self { true } else { false } }
  var isViolation: Bool { if case .violation = self { true } else { false } }
}
