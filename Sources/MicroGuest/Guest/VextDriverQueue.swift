import CGuest

/// A vext queue and its registers (docs/vext-protocol.md).
// SAFETY: the rings lie in this worker's arena, and depth says how long they are.
@safe
struct VextDriverQueue: DriverQueue {
  private var submissions: VextSubmissionProducer
  private var completions: VextCompletionConsumer
  /// How often in a row ``waitForAnswer()`` was called.
  private var idlePolls: UInt32 = 0

  /// Address of BAR0.
  let device: UInt64
  let index: UInt16
  let depth: UInt32
  let submissionRing: UInt64
  let completionRing: UInt64
  /// A segment list for each id.
  let segmentLists: UInt64
  /// The unit of segments.
  let sectorByteCount: UInt32
  /// The wake block, or 0 if the driver accepted no feature.
  let wakeBlock: UInt64

  private static var segmentListByteCount: UInt64 { 64 }
  /// Idle polls before pauses come between them.
  private static var eagerPollLimit: UInt32 { 1 << 10 }
  /// Idle polls before the state register is read, which costs an exit: about a second.
  private static var idlePollLimit: UInt32 { 1 << 24 }

  var kicks: UInt64 { 0 }
  var canFlush: Bool { true }

  /// Registers this worker's queue with the device whose BAR0 is at `device`.
  /// - Parameter hasWakeBlock: whether sleep and wake were accepted.
  init(
    device: UInt64, parameters: Parameters, arena: inout Arena, hasWakeBlock: Bool = false
  ) throws(GuestFailure) {
    self.device = device
    index = UInt16(truncatingIfNeeded: parameters.worker)
    sectorByteCount = guest_load32(device + VextRegister.blockByteCount)
    try Self.check(parameters, device: device, sectorByteCount: sectorByteCount)

    depth = Self.depth(for: parameters.iodepth)
    let (submissionBytes, completionBytes) = Self.ringByteCounts(depth: depth)
    submissionRing = try arena.take(submissionBytes, alignment: 4096)
    completionRing = try arena.take(completionBytes, alignment: 4096)
    segmentLists = try arena.take(UInt64(depth) * Self.segmentListByteCount)
    wakeBlock = try hasWakeBlock ? arena.take(VextWakeBlock.byteCount) : 0
    submissions = unsafe VextSubmissionProducer(ring: try pointer(submissionRing), depth: depth)
    completions = unsafe VextCompletionConsumer(ring: try pointer(completionRing), depth: depth)
    try enable()
  }

  private static func check(
    _ parameters: Parameters, device: UInt64, sectorByteCount: UInt32
  ) throws(GuestFailure) {
    let isVext =
      guest_load32(device + VextRegister.magic) == VextRegister.magicValue
      && guest_load32(device + VextRegister.version) == VextRegister.versionValue
    guard isVext, guest_load32(device + VextRegister.queueCount) > UInt32(parameters.worker),
      sectorByteCount > 0
    else { throw GuestFailure(reason: .deviceMissing) }
    func bad(_ word: Int) -> GuestFailure { GuestFailure(reason: .badParameter, detail: UInt64(word)) }
    let block = parameters.blockByteCount
    guard block % UInt64(sectorByteCount) == 0,
      block <= UInt64(guest_load32(device + VextRegister.maxTransferByteCount))
    else { throw bad(ParameterWord.blockByteCount) }
    guard parameters.regionByteCount <= guest_load64(device + VextRegister.capacity) else {
      throw bad(ParameterWord.regionByteCount)
    }
    guard depth(for: parameters.iodepth) <= guest_load32(device + VextRegister.maxQueueDepth) else {
      throw bad(ParameterWord.iodepth)
    }
  }

  /// The smallest depth for `iodepth`, and no less than what a misbehaviour needs.
  private static func depth(for iodepth: Int) -> UInt32 {
    var depth: UInt32 = 8
    while depth < UInt32(iodepth) { depth *= 2 }
    return depth
  }

  private static func ringByteCounts(depth: UInt32) -> (submission: UInt64, completion: UInt64) {
    (
      UInt64(depth) * UInt64(VextSubmissionEntry.encodedByteCount),
      UInt64(depth) * UInt64(VextCompletionEntry.encodedByteCount)
    )
  }

  // MARK: Registers

  /// Reads a 32-bit register of this queue.
  func register(_ register: VextQueueRegister) -> UInt32 {
    guest_load32(device + VextRegister.queue(index, register))
  }

  /// Registers the rings and enables the queue; says whether the device took it.
  func enable(submissionRing: UInt64, completionRing: UInt64) -> Bool {
    guest_store64(device + VextRegister.queue(index, .submissionRing), submissionRing)
    guest_store64(device + VextRegister.queue(index, .completionRing), completionRing)
    guest_store32(device + VextRegister.queue(index, .depth), depth)
    if wakeBlock != 0 { guest_store64(device + VextRegister.queue(index, .wakeBlock), wakeBlock) }
    guest_store32(device + VextRegister.queue(index, .control), 1)
    return register(.state) == VextQueueState.enabled.rawValue
  }

  /// Takes the queue from the device; returns when the device is done with it.
  func disable() { guest_store32(device + VextRegister.queue(index, .control), 0) }

  /// Clears the rings and starts from the first lap.
  mutating func enable() throws(GuestFailure) {
    let (submissionBytes, completionBytes) = Self.ringByteCounts(depth: depth)
    try zero(submissionRing, submissionBytes)
    try zero(completionRing, completionBytes)
    if wakeBlock != 0 { try zero(wakeBlock, VextWakeBlock.byteCount) }
    submissions = unsafe VextSubmissionProducer(ring: try pointer(submissionRing), depth: depth)
    completions = unsafe VextCompletionConsumer(ring: try pointer(completionRing), depth: depth)
    idlePolls = 0
    guard enable(submissionRing: submissionRing, completionRing: completionRing) else {
      throw GuestFailure(reason: .queueRefused, detail: UInt64(register(.error)))
    }
  }

  // MARK: Requests

  @inline(__always)
  mutating func submit(_ request: DriverRequest) {
    if request.shape == 0 {
      push(
        VextSubmissionEntry(
          operation: Self.operation(of: request), id: request.id, offset: request.offset,
          segment0: VextSegment(address: GuestAddress(request.buffer), byteCount: request.byteCount)))
    } else {
      submitVaried(request)
    }
  }

  @inline(__always)
  func notify() {}

  /// Puts `entry` into the ring as it is.
  @inline(__always)
  mutating func push(_ entry: VextSubmissionEntry) { submissions.push(entry) }

  @inline(__always)
  mutating func poll() throws(GuestFailure) -> BlockAnswer? {
    switch completions.poll() {
    case .idle: return nil
    case .ready(let entry):
      idlePolls = 0
      return BlockAnswer(id: entry.id, status: entry.status)
    case .violation: throw stopped
    }
  }

  @inline(__always)
  mutating func waitForAnswer() throws(GuestFailure) {
    idlePolls &+= 1
    // A completion of a busy, polling I/O thread comes within a microsecond: a pause would be a good part of that.
    if idlePolls > Self.eagerPollLimit { guest_pause() }
    if idlePolls >= Self.idlePollLimit {
      idlePolls = 0
      try checkState()
    }
  }

  /// Throws if the device has stopped the queue; the look costs an exit.
  func checkState() throws(GuestFailure) {
    if register(.state) != VextQueueState.enabled.rawValue { throw stopped }
  }

  /// Whether there is no answer to take.
  @inline(__always)
  var isIdle: Bool { completions.isIdle }

  /// The address of the slot that the next entry goes to.
  var nextSubmissionSlot: UInt64 {
    submissionRing + UInt64(submissions.end.position.index) * UInt64(VextSubmissionEntry.encodedByteCount)
  }

  private var stopped: GuestFailure {
    GuestFailure(reason: .queueStopped, detail: UInt64(register(.error)))
  }

  @inline(__always)
  static func operation(of request: DriverRequest) -> UInt8 {
    switch request.operation {
    case .read: VextOperation.read.rawValue
    case .write: VextOperation.write.rawValue
    case .flush: VextOperation.flush.rawValue
    }
  }

  /// Describes the data by two segments, or by a segment list of up to four.
  @inline(never)
  private mutating func submitVaried(_ request: DriverRequest) {
    let operation = Self.operation(of: request)
    let wanted: UInt32 = request.shape == 1 ? 2 : 4
    let sectors = request.byteCount / sectorByteCount
    let count = min(wanted, sectors)
    let piece = sectors / count * sectorByteCount
    func segment(_ index: UInt32) -> VextSegment {
      let start = index * piece
      let isLast = index + 1 == count
      return VextSegment(
        address: GuestAddress(request.buffer + UInt64(start)),
        byteCount: isLast ? request.byteCount - start : piece)
    }
    if request.shape == 1 {
      push(
        VextSubmissionEntry(
          operation: operation, id: request.id, offset: request.offset, segment0: segment(0),
          segment1: count > 1 ? segment(1) : VextSegment()))
      return
    }
    let list = segmentLists + UInt64(request.id) * Self.segmentListByteCount
    for index in 0..<count { Self.store(segment(index), at: list, index: UInt64(index)) }
    push(
      VextSubmissionEntry(
        operation: operation, flags: .segmentList, id: request.id, offset: request.offset,
        segment0: VextSegment(
          address: GuestAddress(list), byteCount: count * UInt32(VextSegment.encodedByteCount))))
  }

  /// Writes entry `index` of the segment list at `list`.
  static func store(_ segment: VextSegment, at list: UInt64, index: UInt64) {
    let address = list + index * UInt64(VextSegment.encodedByteCount)
    guest_store64(address, segment.address.rawValue)
    guest_store64(address + 8, UInt64(segment.byteCount) | UInt64(segment.reserved) << 32)
  }
}
