import CGuest

/// What a hostile guest does to a vext queue. Addresses and offsets are such that no host has them.
extension VextDriverQueue {
  /// Requests until a hostile loop gives up.
  private static var attemptLimit: Int { 10_000 }
  /// How long to wait for the device to stop the queue.
  private static var timeoutTicks: UInt64 { 1 << 33 }
  /// Guest-physical memory never reaches this far.
  private static var outsideMemory: UInt64 { 1 << 45 }

  mutating func misbehave(
    _ kind: Misbehaviour, buffer: UInt64, parameters: Parameters
  ) throws(GuestFailure) -> UInt64 {
    let valid = DriverRequest(
      id: 0, operation: .read, offset: 0, buffer: buffer,
      byteCount: UInt32(truncatingIfNeeded: parameters.blockByteCount))
    for _ in 0..<8 { _ = try roundTrip(valid) }

    switch kind {
    case .ringOutsideMemory: return tryRings(submission: Self.outsideMemory, completion: completionRing)
    case .ringMisaligned: return tryRings(submission: submissionRing + 8, completion: completionRing)
    case .reregisterInFlight: try registerAgain(valid)
    case .changingList: try changeList(valid)
    case .pageFault: _ = guest_load64(0)
    case .idInFlight: try repeatUntilStopped(entry(valid))
    default:
      // Three honest requests are in flight, or just answered, when the malformed one comes.
      for id in UInt16(0)..<3 { push(entry(valid, id: id)) }
      try pushMalformed(kind, valid)
      waitUntilStopped()
    }
    return UInt64(register(.error))
  }

  private func entry(_ request: DriverRequest, id: UInt16 = 0) -> VextSubmissionEntry {
    VextSubmissionEntry(
      operation: VextOperation.read.rawValue, id: id, offset: request.offset,
      segment0: VextSegment(address: GuestAddress(request.buffer), byteCount: request.byteCount))
  }

  private mutating func pushMalformed(_ kind: Misbehaviour, _ valid: DriverRequest) throws(GuestFailure) {
    var bad = entry(valid, id: 3)
    switch kind {
    case .badOperation: bad.operation = 0x7F
    case .idOutOfRange: bad.id = UInt16(truncatingIfNeeded: depth)
    case .offsetPastEnd: bad.offset = guest_load64(device + VextRegister.capacity)
    case .segmentOutsideMemory: bad.segment0.address = GuestAddress(Self.outsideMemory)
    case .segmentWraps:
      // The last whole unit below 2^64, and one more.
      bad.segment0.address = GuestAddress(0 &- UInt64(sectorByteCount))
      bad.segment0.byteCount = 2 * sectorByteCount
    case .listOutsideMemory:
      bad.flags = .segmentList
      bad.segment0 = VextSegment(address: GuestAddress(Self.outsideMemory), byteCount: 16)
    case .reservedFlag: bad.flags = VextSubmissionFlags(rawValue: 0x80)
    case .misaligned: bad.offset = 1
    case .badLap:
      guest_store64(nextSubmissionSlot, 0xDEAD_BEEF << 32 | UInt64(bad.operation))
      return
    default: throw GuestFailure(reason: .badParameter, detail: UInt64(ParameterWord.misbehaviour))
    }
    push(bad)
  }

  /// Pushes `entry` several times at once, again and again: its id is then in flight more than once.
  private mutating func repeatUntilStopped(_ entry: VextSubmissionEntry) throws(GuestFailure) {
    for _ in 0..<Self.attemptLimit {
      for _ in 0..<depth / 2 { push(entry) }
      for _ in 0..<depth / 2 {
        if try !isAnswered(whileWaiting: {}) { return }
      }
    }
  }

  /// Waits for an answer, calling `work` over and over; false if the queue stopped instead.
  private mutating func isAnswered(whileWaiting work: () -> Void) throws(GuestFailure) -> Bool {
    let deadline = guest_ticks() &+ Self.timeoutTicks
    var polls: UInt32 = 0
    while try poll() == nil {
      work()
      polls &+= 1
      // Seldom, because reading the register causes a vmexit.
      if polls & 0xFFFF == 0
        && (register(.state) != VextQueueState.enabled.rawValue || guest_ticks() > deadline)
      {
        return false
      }
    }
    return true
  }

  /// Submits a segment list over and over while its address changes between a good one and a bad one.
  private mutating func changeList(_ valid: DriverRequest) throws(GuestFailure) {
    let list = segmentLists
    let good = VextSegment(address: GuestAddress(valid.buffer), byteCount: valid.byteCount)
    let bad = VextSegment(address: GuestAddress(Self.outsideMemory), byteCount: valid.byteCount)
    var request = entry(valid)
    request.flags = .segmentList
    request.segment0 = VextSegment(address: GuestAddress(list), byteCount: 16)
    var isBad = false
    for _ in 0..<Self.attemptLimit {
      Self.store(good, at: list, index: 0)
      push(request)
      let isAlive = try isAnswered {
        Self.store(isBad ? bad : good, at: list, index: 0)
        isBad.toggle()
      }
      if !isAlive { return }
    }
  }

  /// Takes the queue away from the device with requests in flight and gives it back empty; all goes on after it.
  private mutating func registerAgain(_ valid: DriverRequest) throws(GuestFailure) {
    for id in 0..<UInt16(truncatingIfNeeded: depth / 2) { push(entry(valid, id: id)) }
    disable()
    try enable()
    for _ in 0..<16 {
      let status = try roundTrip(valid)
      if status != 0 { throw GuestFailure(reason: .queueStopped, detail: UInt64(status)) }
    }
  }

  private func tryRings(submission: UInt64, completion: UInt64) -> UInt64 {
    disable()
    _ = enable(submissionRing: submission, completionRing: completion)
    return UInt64(register(.error))
  }

  private func waitUntilStopped() {
    let deadline = guest_ticks() &+ Self.timeoutTicks
    while register(.state) == VextQueueState.enabled.rawValue && guest_ticks() < deadline { guest_pause() }
  }
}
