import Hypervisor
import VextProtocol

/// A driver of one vext queue in memory that this process shares with its own I/O thread. One thread.
struct CompetitorQueue: Sendable {
  private let index: UInt16
  private let depth: UInt32
  private let memory: GuestMemory
  private let submissionRing: UInt64
  private let completionRing: UInt64
  private var head: VextRingPosition
  private var tail: VextRingPosition
  private var freeIDs: [UInt16]

  /// Bytes between the rings of two queues.
  private static let stride: UInt64 = 64 << 10

  /// A queue of `depth` entries in zeroed memory, with at most `iodepth` requests in flight.
  init(index: UInt16, depth: UInt32, iodepth: Int, memory: GuestMemory) {
    self.index = index
    self.depth = depth
    self.memory = memory
    submissionRing = Self.stride * (UInt64(index) + 1)
    completionRing = submissionRing + UInt64(depth) * UInt64(VextSubmissionEntry.encodedByteCount)
    head = VextRingPosition(depth: depth)
    tail = VextRingPosition(depth: depth)
    freeIDs = (0..<UInt16(iodepth)).reversed()
  }

  /// Registers the rings; tells whether the device took them.
  func enable(on device: VextDevice) -> Bool {
    func write(_ register: VextQueueRegister, _ byteCount: Int, _ value: UInt64) {
      device.writeBAR(
        0, offset: VextRegister.queue(index, register), byteCount: byteCount, value: value)
    }
    write(.submissionRing, 8, submissionRing)
    write(.completionRing, 8, completionRing)
    write(.depth, 4, UInt64(depth))
    write(.control, 4, 1)
    return Self.state(of: index, device) == .enabled
  }

  private static func state(of index: UInt16, _ device: VextDevice) -> VextQueueState? {
    VextQueueState(
      rawValue: UInt32(
        truncatingIfNeeded: device.readBAR(
          0, offset: VextRegister.queue(index, .state), byteCount: 4)))
  }

  /// Whether the device has stopped a queue.
  static func isAnyStopped(of device: VextDevice) -> Bool {
    (0..<UInt16(VextRegister.queueLimit)).contains { state(of: $0, device) == .stopped }
  }

  /// Takes the answers that are there.
  mutating func takeAnswers() -> (taken: Int, failed: Int) {
    var (taken, failed) = (0, 0)
    while let word = try? memory.loadAcquiring(
      at: GuestAddress(completionRing + UInt64(tail.index) * UInt64(VextCompletionEntry.encodedByteCount) + 8)
    ),
      UInt32(truncatingIfNeeded: word >> 32) == tail.lap
    {
      tail.advance()
      taken += 1
      if word & 0xFFFF != 0 { failed += 1 }
      freeIDs.append(UInt16(truncatingIfNeeded: word >> 16))
    }
    return (taken, failed)
  }

  /// Submits requests until as many are in flight as there may be, at most `limit`.
  ///
  /// - Returns: the number of requests that were submitted.
  mutating func submit(limit: Int, _ entry: (UInt16) -> VextSubmissionEntry) -> Int {
    var count = 0
    while count < limit, let id = freeIDs.popLast() {
      // The rings lie in the memory that was made for them.
      guard (try? push(entry(id))) != nil else { return count }
      count += 1
    }
    return count
  }

  private mutating func push(_ entry: VextSubmissionEntry) throws(GuestMemoryError) {
    let slot = submissionRing + UInt64(head.index) * UInt64(VextSubmissionEntry.encodedByteCount)
    let words = [
      entry.offset, entry.length, entry.segment0.address.rawValue, UInt64(entry.segment0.byteCount), 0, 0, 0,
    ]
    for (place, word) in words.enumerated() {
      try memory.store(word, at: GuestAddress(slot + UInt64(place + 1) * 8))
    }
    try memory.storeReleasing(
      UInt64(entry.operation) | UInt64(entry.id) << 16 | UInt64(head.lap) << 32, at: GuestAddress(slot))
    head.advance()
  }
}
