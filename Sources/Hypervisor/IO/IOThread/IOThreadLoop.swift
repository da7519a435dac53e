import HostSystem
import SystemPackage
import Synchronization

/// What an I/O thread runs, and all that it owns.
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
  private let waiting: IOThread.Waiting
  let poll: EventPoll
  let completionEvent: EventDescriptor
  var events = EventBuffer(capacity: 16)
  var engine: BlockEngine

  /// Every attached queue at the index that its tokens carry; also those that are being detached.
  var slots: [(any IOQueue)?] = []
  /// Those to poll, by kind: concrete types keep the polling loop free of existentials.
  var vextQueues = VextPollingSet()
  var otherQueues: [(slot: Int, queue: any IOQueue)] = []
  private var notifications = DeferredNotifications()
  /// Queues that cannot notify: as long as there is one, the thread must not sleep.
  private var silentQueueCount = 0
  /// When an adaptive thread sleeps.
  var idleness = IOThreadIdleness()
  /// Queues that wait for their last requests, and who waits for them.
  private var detaching: [(queue: any IOQueue, command: IOThreadCommand?)] = []
  /// Whoever waits for the thread's end; once there is one, no queue is attached any more.
  private var stopCommands: [IOThreadCommand] = []
  /// The other queue at which this pass starts, and whether these come before the vext queues.
  private var otherTurn = 0
  private var isOthersTurn = false

  enum Token {
    static let commands: UInt64 = 0
    static let completion: UInt64 = 1
    static let queue: UInt64 = 2
  }

  init(
    mailbox: IOThreadMailbox, waiting: IOThread.Waiting, kind: BlockEngineKind, engineCapacity: Int
  ) throws(Errno) {
    let completionEvent = try EventDescriptor()
    let poll = try EventPoll()
    try poll.add(descriptor: mailbox.eventDescriptor, token: Token.commands)
    try poll.add(descriptor: completionEvent.rawValue, token: Token.completion)
    let engine = try BlockEngine(
      kind: kind, capacity: engineCapacity,
      completionEvent: waiting == .polling ? nil : completionEvent.rawValue)
    self.mailbox = mailbox
    self.waiting = waiting
    self.completionEvent = completionEvent
    self.poll = poll
    self.engine = engine
  }

  /// Serves until told to stop.
  mutating func run() {
    while stopCommands.isEmpty || !isIdle {
      // Between any two passes, so that no amount of work keeps a machine from attaching or detaching a queue.
      if mailbox.hasCommands {
        // What a command asks for may take its time.
        notifications.confirmWake(slots)
        readCommands()
        continue
      }
      if pass() > 0 {
        idleness.noteWork()
        continue
      }
      switch waiting {
      case .polling: SpinHint.pause()
      case .adaptive:
        if silentQueueCount == 0, idleness.isTimeToSleep(), !engine.mustPoll {
          sleep()
        } else {
          SpinHint.pause()
        }
      case .events: if !engine.mustPoll, engine.room == 0 || prepareToSleep() { waitForEvent() }
      }
    }
    for command in stopCommands + mailbox.close() { command.markDone() }
  }

  private var isIdle: Bool { detaching.isEmpty && slots.allSatisfy { $0 == nil } }

  /// Looks at every queue and at the completion ring once.
  ///
  /// Each pass starts at another queue: whoever comes first when the engine is full gets what becomes free.
  ///
  /// - Returns: how many requests and completions it saw.
  mutating func pass() -> Int {
    isOthersTurn.toggle()
    var progress = isOthersTurn ? drainOtherQueues() : 0
    progress &+= vextQueues.drain(engine: &engine, notifications: &notifications)
    if !isOthersTurn { progress &+= drainOtherQueues() }
    // A pass in which the thread moved much itself was a long one, as the next may be.
    let wasLong = engine.isSpent
    engine.submit()
    var reaped = 0
    while reaped < PassLimit.completions, let completion = engine.reap() {
      let slot = Int(truncatingIfNeeded: completion.token &>> 32)
      slots[slot]?.complete(slot: UInt32(truncatingIfNeeded: completion.token), result: completion.result)
      notifications.note(slot)
      reaped &+= 1
    }
    progress &+= reaped
    notifications.finishPass(slots, confirming: progress == 0 || wasLong)
    if !detaching.isEmpty { finishDetaching() }
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
    let taken = otherQueues[index].queue.drain(engine: &engine)
    if taken > 0 { notifications.note(otherQueues[index].slot) }
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

  /// Sleeps until something happened; ``events`` says what.
  mutating func blockUntilEvent() {
    // What the kernel had no memory to take (EAGAIN) is tried again soon; nothing else would wake the thread for it.
    let timeout: Int32 = engine.hasUnsubmitted ? 1 : -1
    do {
      try poll.wait(timeoutMilliseconds: timeout, into: &events)
    } catch {
      preconditionFailure("epoll_wait fails for wrong arguments alone: \(error)")
    }
  }

  /// Asks every guest to notify, and looks once more; false where a queue has something or cannot notify.
  mutating func prepareToSleep() -> Bool {
    var mayRest = true
    vextQueues.forEach { queue in if !queue.prepareToSleep() { mayRest = false } }
    for other in otherQueues where !other.queue.prepareToSleep() { mayRest = false }
    return mayRest
  }

  private mutating func readCommands() {
    for command in mailbox.take() {
      switch command.message {
      case .attach(let queue):
        // A thread that is being stopped takes nothing on: the queue is never served.
        if stopCommands.isEmpty { attach(queue) }
        command.markDone()
      case .register(let disk, let memory):
        engine.register(disk: disk, memory: memory)
        command.markDone()
      case .detach(let queue):
        stopPolling(queue)
        detaching.append((queue, command))
      case .stop:
        stopCommands.append(command)
        for case let queue? in slots where !detaching.contains(where: { $0.queue === queue }) {
          stopPolling(queue)
          detaching.append((queue, nil))
        }
      }
    }
    finishDetaching()
  }

  private mutating func attach(_ queue: any IOQueue) {
    let slot = slots.firstIndex { $0 == nil } ?? slots.count
    if slot == slots.count { slots.append(queue) } else { slots[slot] = queue }
    engine.attach(slot: slot, disk: queue.disk, memory: queue.memory)
    queue.begin(token: UInt64(slot) << 32, polling: waiting != .events)
    if let vext = queue as? VextDeviceQueue {
      vextQueues.insert(PolledDeviceQueue(vext, slot: slot))
      notifications.attach(slot, hasListener: vext.raisesInterrupts)
    } else {
      otherQueues.append((slot, queue))
      notifications.attach(slot, hasListener: true)
    }
    countSilentQueues()
    if waiting != .polling, let descriptor = queue.notificationDescriptor {
      // A full table of watched descriptors leaves the queue served at each wake-up, later than it should be.
      try? poll.add(descriptor: descriptor, token: Token.queue + UInt64(slot))
    }
  }

  private mutating func stopPolling(_ queue: any IOQueue) {
    vextQueues.remove(queue)
    otherQueues.removeAll { $0.queue === queue }
    countSilentQueues()
    if waiting != .polling, let descriptor = queue.notificationDescriptor {
      try? poll.remove(descriptor: descriptor)
    }
  }

  private mutating func countSilentQueues() {
    silentQueueCount = otherQueues.count { $0.queue.notificationDescriptor == nil }
    vextQueues.forEach { queue in if queue.notificationDescriptor == nil { silentQueueCount += 1 } }
  }

  private mutating func finishDetaching() {
    for (queue, command) in detaching where queue.inFlight == 0 {
      queue.finishPass()
      queue.confirmWake()
      for index in slots.indices where slots[index] === queue {
        slots[index] = nil
        engine.detach(slot: index)
      }
      command?.markDone()
    }
    detaching.removeAll { $0.queue.inFlight == 0 }
  }
}
