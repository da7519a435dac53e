import HostSystem
import SystemPackage
import Synchronization

/// The loop of an I/O thread, with all data that the thread owns.
struct IOThreadLoop: ~Copyable {
  /// Carries the loop to its thread.
  final class Box: @unchecked Sendable {
    private let loop: Mutex<IOThreadLoop?>

    init(_ loop: consuming sending IOThreadLoop) { self.loop = Mutex(consume loop) }

    func runOnThisThread() {
      guard var loop = loop.withLock({ $0.take() }) else { return }
      loop.run()
    }
  }

  let mailbox: IOThreadMailbox
  let waiting: IOThread.Waiting
  let adaptation: IOThread.Adaptation
  /// Whether this thread has to wait for its CPU.
  let contention: CPUContention
  let poll: EventPoll
  let completionEvent: EventDescriptor
  var events = EventBuffer(capacity: 16)
  var engine: BlockEngine

  /// Every attached queue at the index that its tokens carry, including queues that are being detached.
  var attachedQueues: [(any IOQueue)?] = []
  /// The queues to drain, by kind: vext queues have a concrete type, which keeps the polling loop free of existentials.
  var vextQueues = VextPollingSet()
  var otherQueues: [(queueIndex: Int, queue: any IOQueue, machine: Int, throttle: DiskThrottle?)] = []
  /// What each machine may take of the thread.
  var shares = MachineShares()
  var notifications = DeferredNotifications()
  /// Number of queues that cannot notify: the thread must not sleep while there are any.
  var silentQueueCount = 0
  /// Decides when an adaptive thread sleeps.
  var idleness: IOThreadIdleness
  /// The time at which the thread last measured whether CPUs are shared.
  var contentionCheckedAt: UInt64 = 0
  /// Queues with requests in flight that leave the thread.
  var departures: [IOQueueDeparture] = []
  /// How busy the thread is, while somebody wants to know.
  var busyTime = BusyTime()
  /// Commands that wait for the thread's end; once there is one, the thread attaches no queue.
  var stopCommands: [IOThreadCommand] = []
  /// Index in ``otherQueues`` at which this pass starts.
  private var otherTurn = 0
  /// Whether this pass drains ``otherQueues`` before the vext queues.
  private var isOthersTurn = false

  enum Token {
    static let commands: UInt64 = 0
    static let completion: UInt64 = 1
    static let queue: UInt64 = 2
  }

  init(
    mailbox: IOThreadMailbox, waiting: IOThread.Waiting, adaptation: IOThread.Adaptation,
    contention: CPUContention, kind: BlockEngineKind, engineCapacity: Int, offloads: Bool
  ) throws(Errno) {
    let completionEvent = try EventDescriptor()
    let poll = try EventPoll()
    try poll.add(descriptor: mailbox.eventDescriptor, token: Token.commands)
    try poll.add(descriptor: completionEvent.rawValue, token: Token.completion)
    let engine = try BlockEngine(
      kind: kind, capacity: engineCapacity,
      completionEvent: waiting == .polling ? nil : completionEvent.rawValue, offloads: offloads)
    self.mailbox = mailbox
    self.waiting = waiting
    self.adaptation = adaptation
    self.contention = contention
    idleness = IOThreadIdleness(adaptsToLoad: adaptation.contains(.load))
    self.completionEvent = completionEvent
    self.poll = poll
    self.engine = engine
  }

  /// Serves queues until a stop command arrives.
  mutating func run() {
    while stopCommands.isEmpty || !isIdle {
      // Before every pass, so that a machine can attach and detach queues whatever the load.
      if mailbox.hasCommands {
        // A command may take long.
        notifications.confirmWake(attachedQueues)
        readCommands()
        continue
      }
      let progress = pass()
      if busyTime.isMeasured { busyTime.notePass(hadWork: progress > 0) }
      if progress > 0 {
        idleness.noteWork()
        continue
      }
      switch waiting {
      case .polling: SpinHint.pause()
      case .adaptive:
        checkContention()
        if silentQueueCount == 0, idleness.isTimeToSleep(), !engine.mustPoll {
          sleep()
          busyTime.noteSleep()
        } else {
          SpinHint.pause()
        }
      case .events:
        if !engine.mustPoll, engine.room == 0 || prepareToSleep() {
          waitForEvent()
          busyTime.noteSleep()
        }
      }
    }
    for command in stopCommands { command.markDone() }
    for command in mailbox.close() { refuse(command) }
  }

  private var isIdle: Bool { departures.isEmpty && attachedQueues.allSatisfy { $0 == nil } }

  /// Drains every queue and the completion ring once.
  ///
  /// Each pass starts at another queue, because the first queue gets the room that becomes free in a full engine.
  ///
  /// - Returns: the number of requests and completions that it handled.
  mutating func pass() -> Int {
    isOthersTurn.toggle()
    shares.beginPass()
    var progress = isOthersTurn ? drainOtherQueues() : 0
    progress &+= vextQueues.drain(engine: &engine, shares: &shares, notifications: &notifications)
    if !isOthersTurn { progress &+= drainOtherQueues() }
    // A pass in which the thread itself moved much data took long, and so may the next one.
    let wasLong = engine.hasMovedMuch
    engine.submit()
    var reaped = 0
    while reaped < PassLimit.completions, let completion = engine.reap() {
      let queueIndex = Int(truncatingIfNeeded: completion.token &>> 32)
      attachedQueues[queueIndex]?.complete(
        request: UInt32(truncatingIfNeeded: completion.token), result: completion.result)
      notifications.note(queueIndex)
      shares.finish(queueIndex)
      reaped &+= 1
    }
    progress &+= reaped
    notifications.finishPass(attachedQueues, confirming: progress == 0 || wasLong)
    if !departures.isEmpty { finishDepartures() }
    return progress
  }

  @inline(__always)
  private mutating func drainOtherQueues() -> Int {
    if otherQueues.isEmpty { return 0 }
    var taken = 0
    otherTurn = otherTurn &+ 1 < otherQueues.count ? otherTurn &+ 1 : 0
    for index in otherTurn..<otherQueues.count { taken &+= drainOtherQueue(index) }
    for index in 0..<otherTurn { taken &+= drainOtherQueue(index) }
    return taken
  }

  private mutating func drainOtherQueue(_ index: Int) -> Int {
    let other = otherQueues[index]
    if shares.isServed(other.machine) { return 0 }
    let taken = shares.serve(other.machine, other.throttle, &engine) { engine, limit in
      other.queue.drain(engine: &engine, limit: limit)
    }
    if taken > 0 { notifications.note(other.queueIndex) }
    return taken
  }

  private mutating func waitForEvent() {
    blockUntilEvent()
    completionEvent.drain()
    mailbox.clearEvent()
    vextQueues.forEach { queue in
      queue.didWake()
      queue.drainNotification()
    }
  }

  /// Sleeps until an event, and stores it in ``events``.
  mutating func blockUntilEvent() {
    do {
      try poll.wait(timeoutMilliseconds: sleepMilliseconds, into: &events)
    } catch {
      preconditionFailure("epoll_wait fails for wrong arguments alone: \(error)")
    }
  }

  /// How long to sleep without an event, for what no event announces; -1: for ever.
  private var sleepMilliseconds: Int32 {
    // Requests that the kernel had no memory to take (EAGAIN) must be tried again soon.
    if engine.hasUnsubmitted { return 1 }
    guard shares.admission != .max else { return -1 }
    let now = HostClock.monotonicNanoseconds()
    guard shares.admission > now else { return 0 }
    return Int32(clamping: min((shares.admission &- now) / 1_000_000, 1_000) &+ 1)
  }

  /// Asks every guest to notify.
  ///
  /// - Returns: false if a queue cannot notify, or has new requests that its disk's limits let it take.
  mutating func prepareToSleep() -> Bool {
    var mayRest = true
    vextQueues.forEach { queue in
      if !queue.prepareToSleep(), queue.share.throttle?.isHoldingBack != true { mayRest = false }
    }
    for other in otherQueues where !other.queue.prepareToSleep() && other.throttle?.isHoldingBack != true {
      mayRest = false
    }
    return mayRest
  }
}

/// Bounds of one pass of an I/O thread, so that one queue cannot starve the others.
enum PassLimit {
  /// Maximum number of requests taken from one queue in one pass.
  static let requestsPerQueue = 64
  /// Maximum number of completions reaped in one pass.
  static let completions = 256
}
