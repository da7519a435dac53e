import HostSystem
import Glibc
import Synchronization
import SystemPackage
import VextProtocol

/// The host's side of one vext queue: takes entries, checks them, starts their requests and completes them.
///
/// The I/O thread owns everything except `fault`, which any thread may read.
@safe
public final class VextDeviceQueue: IOQueue, @unchecked Sendable {
  // SAFETY: the rings and the wake block lie in guest memory, which ``memory`` keeps mapped; the rings' types keep to their
  // slots, and only the I/O thread touches the rest.
  /// The doorbell's eventfd; nil if the driver rings no doorbell, so that the queue must be polled.
  public let notificationDescriptor: Int32?
  /// The device's disk.
  public var disk: DiskHandle { served.disk }
  /// The machine's memory.
  public var memory: GuestMemory { served.memory }
  /// What it may take of the I/O thread.
  public var share: DiskShare { served.share }
  /// Number of requests that are in flight in the engine.
  public private(set) var inFlight = 0

  private let served: VextServedDisk
  /// Counters of the disk; nil if requests are not counted, so that the data path reads no clock.
  private let activity: DiskActivity?
  private let name: String
  private let depth: UInt32
  private var submissions: VextSubmissionConsumer
  private var completions: VextCompletionProducer
  private var token: UInt64 = 0
  /// Whether the queue refused an entry; it takes no more entries then.
  private(set) var isStopped = false
  private let requests: VextDeviceRequestTable
  private var wake: VextWake
  /// The completion ring's sequence number at the last notification of the driver.
  private var signalledSequence: UInt64
  /// The queue's part of the table that the VMM shares; nil if the VMM is this process.
  private let record: VextQueueRecord?
  private let errorWord = Atomic<UInt32>(0)
  private let errorDetailWord = Atomic<UInt64>(0)

  /// Makes a queue over rings whose place in guest memory has been checked.
  ///
  /// - Parameters:
  ///   - name: names the queue in the log.
  ///   - depth: number of entries in each ring, a power of two.
  ///   - submissions: the submission ring, in memory that `served` keeps mapped; so is that of `completions`.
  ///   - wake: the doorbell and interrupt that the driver asked for.
  ///   - record: the queue's part of the table that the VMM shares; nil if the VMM is this process.
  /// - Throws: ENOMEM if there is no memory for the queue's tables.
  init(
    name: String, served: VextServedDisk, activity: DiskActivity?, depth: UInt32,
    submissions: VextSubmissionConsumer, completions: VextCompletionProducer, wake: VextWake,
    record: VextQueueRecord? = nil
  ) throws(Errno) {
    self.record = record
    self.name = name
    notificationDescriptor = wake.doorbellDescriptor
    self.wake = wake
    self.served = served
    self.activity = activity
    self.depth = depth
    self.submissions = submissions
    self.completions = completions
    signalledSequence = completions.sequence
    requests = try VextDeviceRequestTable(depth: Int(depth))
  }

  /// The reason why the queue stopped, and the ring slot of the malformed entry. Any thread.
  var fault: VextQueueFault {
    let error = VextQueueError(rawValue: errorWord.load(ordering: .acquiring)) ?? .none
    return VextQueueFault(error: error, detail: errorDetailWord.load(ordering: .relaxed))
  }

  /// Those that were answered, by the place in the completion ring, and those in flight.
  public var takenCount: UInt64 {
    let sequence = completions.sequence
    return (sequence >> 32) &* UInt64(depth) &+ (sequence & 0xFFFF_FFFF) &+ UInt64(inFlight)
  }

  /// The consumer's position: the ring slot of the next entry.
  var head: VextSubmissionConsumer { submissions }

  /// Stores the upper half of the tokens, and begins service.
  public func begin(token: UInt64, polling: Bool) { self.token = token }

  /// Whether the driver accepted interrupts, so that ``notifyDriver()`` has something to do.
  var raisesInterrupts: Bool { wake.observer != nil }

  /// Raises the interrupt if there are new completions and the driver is asleep.
  ///
  /// The completions themselves are in the ring already.
  @discardableResult
  public func notifyDriver() -> Bool {
    guard raisesInterrupts else { return false }
    let sequence = completions.sequence
    guard sequence != signalledSequence else { return false }
    signalledSequence = sequence
    wake.noteCompletions()
    return true
  }

  /// Raises the interrupt if the driver went to sleep during ``notifyDriver()``.
  public func confirmWake() { wake.confirmWake() }

  /// Asks the driver to ring the doorbell, and polls the ring once more.
  ///
  /// - Returns: false if there is an entry, or the driver cannot ring.
  public func prepareToSleep() -> Bool {
    guard wake.publisher != nil else { return false }
    if isStopped { return true }
    wake.publisher?.publish()
    return submissions.isIdle
  }

  /// Tells the driver that it need not ring.
  public func didWake() { wake.publisher?.withdraw() }

  /// Tells the driver whether other threads wait for its CPUs. At a low rate.
  ///
  /// - Parameter now: the present time (CLOCK_MONOTONIC).
  func publishContention(at now: UInt64) { wake.publishContention(at: now) }

  /// Clears the doorbell's signals.
  public func drainNotification() { wake.doorbell?.drain() }

  /// Takes entries until the ring is empty, `limit` or one of the engine's is reached, or an entry is malformed.
  public func drain(engine: inout BlockEngine, limit: Int) -> Int {
    if isStopped { return 0 }
    // Copies in locals, because fields of a class cost an exclusivity check at each access.
    var submissions = self.submissions
    var completions = self.completions
    let disk = served.disk
    let limit = min(limit, engine.room)
    var taken = 0
    var violation = VextQueueError.none
    var slot: UInt32 = 0
    loop: while taken < limit && !engine.isSpent {
      slot = submissions.nextIndex
      switch submissions.poll() {
      case .idle: break loop
      case .violation:
        violation = .badLap
        break loop
      case .ready(let entry):
        let request: VextDeviceRequest
        switch served.check(entry, depth: depth, table: requests) {
        case .refused(let error):
          violation = error
          break loop
        case .answered(let answer):
          completions.push(answer)
          taken &+= 1
          continue
        case .admitted(let admitted): request = admitted
        }
        taken &+= 1
        // Before it starts: the process that takes over after this one must not lose it.
        record?.begin(entry, sequence: completions.sequence)
        let startTicks = activity?.begin(request.operation, byteCount: request.byteCount) ?? 0
        let start = engine.start(
          request.operation, on: disk,
          vectors: requests.vectors(of: entry.id, count: request.vectorCount), offset: entry.offset,
          byteCount: request.byteCount, token: token | UInt64(entry.id))
        switch start {
        case .finished(let result):
          activity?.finish(startedAt: startTicks)
          completions.push(Self.answer(id: entry.id, result: result, wanted: request.byteCount))
          record?.end(entry.id)
        case .pending:
          requests.begin(entry.id, byteCount: request.byteCount, startTicks: startTicks)
          inFlight &+= 1
        }
      }
    }
    self.submissions = submissions
    self.completions = completions
    if violation != .none { stop(violation, slot: slot) }
    return taken
  }

  /// Completes a request that was in flight.
  public func complete(request: UInt32, result: Int64) {
    let id = UInt16(truncatingIfNeeded: request)
    inFlight &-= 1
    activity?.finish(startedAt: requests.startTicks(of: id))
    let wanted = requests.end(id)
    completions.push(Self.answer(id: id, result: result, wanted: wanted))
    record?.end(id)
  }

  @inline(__always)
  static func answer(id: UInt16, result: Int64, wanted: UInt64) -> VextCompletionEntry {
    if result == Int64(bitPattern: wanted) {
      return VextCompletionEntry(id: id, status: 0, byteCount: wanted)
    }
    if result < 0 {
      return VextCompletionEntry(id: id, status: UInt16(truncatingIfNeeded: -result), byteCount: 0)
    }
    // A short transfer: the disk has become shorter since it was opened.
    return VextCompletionEntry(id: id, status: UInt16(EIO), byteCount: UInt64(result))
  }

  private func stop(_ error: VextQueueError, slot: UInt32) {
    isStopped = true
    errorDetailWord.store(UInt64(slot), ordering: .relaxed)
    errorWord.store(error.rawValue, ordering: .releasing)
    record?.stop(fault)
    // Without it, a driver that sleeps would never notice that the queue has stopped.
    wake.raise()
    served.log.warn("\(name): stopped by entry \(slot): \(error)")
  }
}
