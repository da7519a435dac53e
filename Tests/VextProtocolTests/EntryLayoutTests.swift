import Testing
import VextProtocol

/// Pins what docs/vext-protocol.md §4 says about entries: the guest of tomorrow may not be built from this source.
@Suite struct EntryLayoutTests {
  @Test func `a submission entry stands in the ring field by field`() {
    let memory = RingMemory(byteCount: 2 * VextSubmissionEntry.encodedByteCount)
    var producer = unsafe VextSubmissionProducer(ring: memory.base, depth: 2)
    var entry = VextSubmissionEntry(
      operation: 0x01, flags: VextSubmissionFlags(rawValue: 0x02), id: 0x0403, offset: 0x1817_1615_1413_1211,
      length: 0x2827_2625_2423_2221,
      segment0: VextSegment(address: GuestAddress(0x3837_3635_3433_3231), byteCount: 0x4443_4241),
      segment1: VextSegment(address: GuestAddress(0x5857_5655_5453_5251), byteCount: 0x6463_6261))
    entry.segment0.reserved = 0x4847_4645
    entry.segment1.reserved = 0x6867_6665
    entry.reserved = 0x7877_7675_7473_7271
    producer.push(entry)
    let expected: [UInt8] =
      [0x01, 0x02, 0x03, 0x04]  // operation, flags, id
      + [1, 0, 0, 0]  // lap
      + Array(0x11...0x18)  // offset
      + Array(0x21...0x28)  // length
      + Array(0x31...0x38)  // segment 0: address
      + Array(0x41...0x44)  // segment 0: byte count
      + Array(0x45...0x48)  // segment 0: reserved
      + Array(0x51...0x58)  // segment 1: address
      + Array(0x61...0x64)  // segment 1: byte count
      + Array(0x65...0x68)  // segment 1: reserved
      + Array(0x71...0x78)  // reserved
    #expect(memory.bytes == expected + [UInt8](repeating: 0, count: 64))
  }

  @Test func `a completion entry stands in the ring field by field`() {
    let memory = RingMemory(byteCount: 2 * VextCompletionEntry.encodedByteCount)
    var producer = unsafe VextCompletionProducer(ring: memory.base, depth: 2)
    producer.push(VextCompletionEntry(id: 0x0C0B, status: 0x0A09, byteCount: 0x0807_0605_0403_0201))
    let expected: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 0, 0, 0]
    #expect(memory.bytes == expected + [UInt8](repeating: 0, count: 16))
  }

  @Test func `the second entry starts right behind the first`() {
    let memory = RingMemory(byteCount: 128)
    var submissions = unsafe VextSubmissionProducer(ring: memory.base, depth: 2)
    submissions.push(VextSubmissionEntry(operation: 0xAA, id: 0))
    submissions.push(VextSubmissionEntry(operation: 0xBB, id: 0))
    #expect(memory.bytes[0] == 0xAA)
    #expect(memory.bytes[64] == 0xBB)
    let answers = RingMemory(byteCount: 32)
    var completions = unsafe VextCompletionProducer(ring: answers.base, depth: 2)
    completions.push(VextCompletionEntry(id: 0, status: 0, byteCount: 0xAA))
    completions.push(VextCompletionEntry(id: 0, status: 0, byteCount: 0xBB))
    #expect(answers.bytes[0] == 0xAA)
    #expect(answers.bytes[16] == 0xBB)
  }

  @Test func `entries in Swift have the layout of those in the ring`() {
    #expect(MemoryLayout<VextSubmissionEntry>.size == 64)
    #expect(MemoryLayout<VextSubmissionEntry>.stride == VextSubmissionEntry.encodedByteCount)
    #expect(MemoryLayout<VextSubmissionEntry>.offset(of: \.operation) == 0)
    #expect(MemoryLayout<VextSubmissionEntry>.offset(of: \.flags) == 1)
    #expect(MemoryLayout<VextSubmissionEntry>.offset(of: \.id) == 2)
    #expect(MemoryLayout<VextSubmissionEntry>.offset(of: \.lap) == 4)
    #expect(MemoryLayout<VextSubmissionEntry>.offset(of: \.offset) == 8)
    #expect(MemoryLayout<VextSubmissionEntry>.offset(of: \.length) == 16)
    #expect(MemoryLayout<VextSubmissionEntry>.offset(of: \.segment0) == 24)
    #expect(MemoryLayout<VextSubmissionEntry>.offset(of: \.segment1) == 40)
    #expect(MemoryLayout<VextSubmissionEntry>.offset(of: \.reserved) == 56)
  }

  @Test func `completion entries and segments in Swift have the layout of those in memory`() {
    #expect(MemoryLayout<VextCompletionEntry>.size == 16)
    #expect(MemoryLayout<VextCompletionEntry>.stride == VextCompletionEntry.encodedByteCount)
    #expect(MemoryLayout<VextCompletionEntry>.offset(of: \.byteCount) == 0)
    #expect(MemoryLayout<VextCompletionEntry>.offset(of: \.status) == 8)
    #expect(MemoryLayout<VextCompletionEntry>.offset(of: \.id) == 10)
    #expect(MemoryLayout<VextCompletionEntry>.offset(of: \.lap) == 12)
    #expect(MemoryLayout<VextSegment>.size == 16)
    #expect(MemoryLayout<VextSegment>.stride == VextSegment.encodedByteCount)
    #expect(MemoryLayout<VextSegment>.offset(of: \.address) == 0)
    #expect(MemoryLayout<VextSegment>.offset(of: \.byteCount) == 8)
    #expect(MemoryLayout<VextSegment>.offset(of: \.reserved) == 12)
  }

  @Test(
    arguments: [
      (VextOperation.read, 1), (.write, 2), (.flush, 3), (.discard, 4), (.writeZeroes, 5), (.identify, 6),
    ] as [(VextOperation, UInt8)])
  func `operations keep their numbers`(operation: VextOperation, number: UInt8) {
    #expect(operation.rawValue == number)
    #expect(VextOperation(rawValue: number) == operation)
  }

  @Test(arguments: [0, 7, 0xFF] as [UInt8])
  func `other numbers are not operations`(number: UInt8) {
    #expect(VextOperation(rawValue: number) == nil)
  }
}
