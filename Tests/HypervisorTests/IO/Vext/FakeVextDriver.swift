import HostSystem
import Hypervisor
import VextProtocol

/// A driver of one vext queue, as a guest's would be: registers through BAR0, entries in guest memory.
@safe
final class FakeVextDriver {
  enum Failure: Error {
    case ringOutsideMemory
    case noAnswer
    case violation
  }

  let device: VextDevice
  let memory: GuestMemory
  let queue: UInt16
  let depth: UInt32
  let submissionRing: UInt64
  let completionRing: UInt64
  /// Where the wake block is, for a driver that has accepted a feature.
  var wakeBlock: UInt64?
  private var deviceSleep: VextSleepObserver?
  private var submissions: VextSubmissionProducer
  private var completions: VextCompletionConsumer

  /// A driver whose rings start at `ringBase`; nothing is enabled yet.
  init(device: VextDevice, memory: GuestMemory, queue: UInt16, depth: UInt32, ringBase: UInt64) {
    self.device = device
    self.memory = memory
    self.queue = queue
    self.depth = depth
    submissionRing = ringBase
    completionRing = ringBase + UInt64(depth) * UInt64(VextSubmissionEntry.encodedByteCount)
    // Of no use before `enable` gives them the rings, which nothing reads until then.
    let nowhere = unsafe UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
    submissions = unsafe VextSubmissionProducer(ring: nowhere, depth: depth)
    completions = unsafe VextCompletionConsumer(ring: nowhere, depth: depth)
  }

  private static func byteCount(of register: VextQueueRegister) -> Int {
    switch register {
    case .submissionRing, .completionRing, .errorDetail, .wakeBlock: 8
    case .depth, .control, .state, .error, .doorbell, .yield: 4
    }
  }

  /// Reads a register of the queue.
  func read(_ register: VextQueueRegister) -> UInt64 {
    device.readBAR(
      0, offset: VextRegister.queue(queue, register), byteCount: Self.byteCount(of: register))
  }

  /// Writes a register of the queue.
  func write(_ register: VextQueueRegister, _ value: UInt64) {
    device.writeBAR(
      0, offset: VextRegister.queue(queue, register), byteCount: Self.byteCount(of: register), value: value)
  }

  var state: VextQueueState? { VextQueueState(rawValue: UInt32(truncatingIfNeeded: read(.state))) }

  var error: VextQueueError? { VextQueueError(rawValue: UInt32(truncatingIfNeeded: read(.error))) }

  var errorDetail: UInt64 { read(.errorDetail) }

  /// Zeroes the rings, registers them and enables the queue.
  func enable() throws {
    let ringByteCount =
      UInt64(depth) * UInt64(VextSubmissionEntry.encodedByteCount + VextCompletionEntry.encodedByteCount)
    try memory.write(
      [UInt8](repeating: 0, count: Int(ringByteCount)), at: GuestAddress(submissionRing))
    guard
      let submissionBase = unsafe memory.map.hostPointer(
        GuestAddress(submissionRing), byteCount: completionRing - submissionRing),
      let completionBase = unsafe memory.map.hostPointer(
        GuestAddress(completionRing), byteCount: UInt64(depth) * UInt64(VextCompletionEntry.encodedByteCount))
    else { throw Failure.ringOutsideMemory }
    submissions = unsafe VextSubmissionProducer(ring: submissionBase, depth: depth)
    completions = unsafe VextCompletionConsumer(ring: completionBase, depth: depth)
    if let wakeBlock {
      try memory.write(
        [UInt8](repeating: 0, count: Int(VextWakeBlock.byteCount)), at: GuestAddress(wakeBlock))
      write(.wakeBlock, wakeBlock)
      deviceSleep = unsafe memory.map.hostPointer(GuestAddress(wakeBlock), byteCount: VextWakeBlock.byteCount)
        .map { unsafe VextSleepObserver(base: $0 + VextWakeBlock.deviceOffset) }
    }
    register()
  }

  /// Rings the doorbell if the device sleeps; tells whether it did.
  @discardableResult
  func notify() -> Bool {
    guard deviceSleep?.noteAnnouncement() == true || deviceSleep?.confirmWake() == true else {
      return false
    }
    write(.doorbell, 1)
    return true
  }

  /// The device's word of the wake block: odd while it sleeps.
  func deviceWord() throws -> UInt64 {
    try memory.load(UInt64.self, at: GuestAddress((wakeBlock ?? 0) + UInt64(VextWakeBlock.deviceOffset)))
  }

  /// The contention word of the wake block: 1 while other threads wait for the driver's CPUs.
  func contentionWord() throws -> UInt64 {
    try memory.load(UInt64.self, at: GuestAddress((wakeBlock ?? 0) + UInt64(VextWakeBlock.contentionOffset)))
  }

  /// Writes the driver's word of the wake block: odd wants an interrupt.
  func setDriverWord(_ value: UInt64) throws {
    try memory.store(value, at: GuestAddress((wakeBlock ?? 0) + UInt64(VextWakeBlock.driverOffset)))
  }

  /// Writes the rings and the depth into the registers and enables the queue.
  func register(submissionRing: UInt64? = nil, completionRing: UInt64? = nil, depth: UInt64? = nil) {
    write(.submissionRing, submissionRing ?? self.submissionRing)
    write(.completionRing, completionRing ?? self.completionRing)
    write(.depth, depth ?? UInt64(self.depth))
    write(.control, 1)
  }

  func disable() { write(.control, 0) }

  /// Disables and enables, with rings of zeroes.
  func restart() throws {
    disable()
    try enable()
  }

  /// Puts an entry into the ring.
  func push(_ entry: VextSubmissionEntry) { submissions.push(entry) }

  /// Takes the next answer, if it is there.
  func poll() throws -> VextCompletionEntry? {
    switch completions.poll() {
    case .idle: return nil
    case .ready(let entry): return entry
    case .violation: throw Failure.violation
    }
  }

  /// Waits for the next answer, ten seconds at most.
  func completion() throws -> VextCompletionEntry {
    var found: VextCompletionEntry?
    _ = try eventually {
      found = try poll()
      return found != nil
    }
    guard let found else { throw Failure.noAnswer }
    return found
  }

  /// Submits one entry and waits for its answer.
  func perform(_ entry: VextSubmissionEntry) throws -> VextCompletionEntry {
    push(entry)
    return try completion()
  }

  /// Waits until the queue has stopped; tells whether it has.
  func waitUntilStopped() -> Bool { eventually { state == .stopped } }
}
