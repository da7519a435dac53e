import CGuest

/// A vext queue whose two sides sleep when there is nothing to do (docs/vext-protocol.md §8.1): the doorbell is rung only
/// while the device sleeps, and an answer that does not come soon is waited for by interrupt. On a CPU that others need the
/// driver gives it up between polls (§8.2).
// SAFETY: the wake block lies in this worker's arena.
@safe
struct AdaptiveVextDriverQueue: DriverQueue {
  var queue: VextDriverQueue
  private let block: WorkerBlock
  private let doorbell: UInt64
  private let yieldRegister: UInt64
  private let adaptation: DriverAdaptation
  private let longestWindow: UInt64
  private let shortestWindow: UInt64
  private var device: VextSleepObserver
  private var own: VextSleepPublisher
  private let contention: VextContentionObserver
  private var window: VextPollingWindow
  private var load = VextLoadMeter()
  private var latencyScore = CompletionLatencyScore()
  private var hasSubmitted = false
  /// Requests without an answer.
  private var inFlight: UInt64 = 0
  /// How often in a row nothing was found.
  private var idlePolls: UInt32 = 0
  /// When nothing was found first, in ticks, later by the time for which others had the CPU; 0: not yet.
  private var idleSince: UInt64 = 0
  /// When the last wait for an answer began, in ticks; 0: there was none yet.
  private var waitStart: UInt64 = 0
  /// The last reading of the clock in a wait.
  private var lastLook: UInt64 = 0
  private(set) var kicks: UInt64 = 0
  private(set) var yields: UInt64 = 0

  /// Number of polls between two readings of the clock.
  private static var pollsPerLook: UInt32 { 16 }

  var canFlush: Bool { queue.canFlush }

  init(
    device: UInt64, parameters: Parameters, block: WorkerBlock, arena: inout Arena
  ) throws(GuestFailure) {
    queue = try VextDriverQueue(device: device, parameters: parameters, arena: &arena, hasWakeBlock: true)
    self.block = block
    doorbell = device + VextRegister.queue(queue.index, .doorbell)
    yieldRegister = device + VextRegister.queue(queue.index, .yield)
    adaptation = parameters.adaptation
    longestWindow = parameters.longestWindowTicks
    shortestWindow = parameters.shortestWindowTicks
    let words = unsafe try pointer(queue.wakeBlock)
    self.device = unsafe VextSleepObserver(base: words + VextWakeBlock.deviceOffset)
    own = unsafe VextSleepPublisher(base: words + VextWakeBlock.driverOffset)
    contention = unsafe VextContentionObserver(base: words + VextWakeBlock.contentionOffset)
    window = VextPollingWindow(start: parameters.shortestWindowTicks, limit: parameters.longestWindowTicks)
  }

  /// Worker 0: finds the function, accepts its features and routes each queue's interrupt to its worker's vCPU.
  static func initialize(_ parameters: Parameters) throws(GuestFailure) {
    let function = try DriverPCIFunction.find(vendor: VextPCIIdentity.vendor, device: VextPCIIdentity.device)
    function.enable()
    let device = try function.baseAddress(0)
    // No literal of an array: there is no heap.
    let wanted = VextFeatures.doorbell.union(.interrupt)
    let offered = VextFeatures(rawValue: guest_load64(device + VextRegister.deviceFeatures))
    guard offered.isSuperset(of: wanted) else { throw GuestFailure(reason: .deviceMissing) }
    // Without CONTENTION the word stays zero.
    let accepted = wanted.union(offered.intersection(.contention))
    guest_store64(device + VextRegister.driverFeatures, accepted.rawValue)
    let interrupts = try DriverMSIXTable(function)
    for worker in 0..<parameters.workerCount {
      let index = UInt16(truncatingIfNeeded: worker)
      try interrupts.route(index, toProcessor: index, vector: WorkloadLayout.interruptVector)
    }
    interrupts.enable()
    Handover.device = device
  }

  @inline(__always)
  mutating func submit(_ request: DriverRequest) {
    queue.submit(request)
    hasSubmitted = true
    inFlight &+= 1
  }

  /// Rings if the device is seen asleep.
  @inline(__always)
  mutating func notify() {
    guard hasSubmitted else { return }
    hasSubmitted = false
    if device.noteAnnouncement() { ring() }
  }

  /// Rings whether the device sleeps or not.
  mutating func ring() {
    guest_store32(doorbell, 1)
    kicks &+= 1
  }

  /// Lets other threads of the host run on this CPU.
  mutating func yieldCPU() {
    guest_store32(yieldRegister, 1)
    yields &+= 1
  }

  @inline(__always)
  mutating func poll() throws(GuestFailure) -> BlockAnswer? {
    guard let answer = try queue.poll() else { return nil }
    inFlight &-= 1
    idlePolls = 0
    idleSince = 0
    return answer
  }

  @inline(__always)
  mutating func waitForAnswer() throws(GuestFailure) {
    if device.confirmWake() { ring() }
    idlePolls &+= 1
    if idlePolls % Self.pollsPerLook == 0 { try look() }
  }

  /// Sleeps if nothing was found for as long as it is worth polling, or lets others run on a CPU that they need.
  @inline(never)
  private mutating func look() throws(GuestFailure) {
    let now = guest_ticks()
    if idleSince == 0 { beginWait(at: now) }
    lastLook = now
    let isShared = adaptation.rawValue & Self.sharing != 0 && contention.isShared
    if now &- idleSince >= pollTicks(isShared: isShared) {
      try sleep(from: now, isShared: isShared)
    } else if isShared && (now &- idleSince >= shortestWindow || !latencyScore.pollsFirst) {
      giveWay(at: now)
    }
  }

  private static var sharing: UInt64 { DriverAdaptation.yields.union(.sleeps).rawValue }

  /// How long to look for an answer before the sleep, in ticks.
  private func pollTicks(isShared: Bool) -> UInt64 {
    // While others run nothing is wasted, so that the whole limit is spent.
    if isShared { return adaptation.contains(.yields) ? longestWindow : 0 }
    if adaptation.contains(.load) && load.isLow { return 0 }
    return window.length
  }

  private mutating func beginWait(at now: UInt64) {
    if waitStart != 0 {
      load.add(busy: lastLook &- waitStart, of: now &- waitStart)
      latencyScore.note(isShort: lastLook &- waitStart < shortestWindow)
    }
    waitStart = now
    idleSince = now
  }

  /// Yields. The time for which others ran does not count as idle, as far as it is more than a yield costs.
  private mutating func giveWay(at start: UInt64) {
    yieldCPU()
    lastLook = guest_ticks()
    let taken = lastLook &- start
    if taken > shortestWindow { idleSince = idleSince &+ (taken &- shortestWindow) }
  }

  private mutating func sleep(from start: UInt64, isShared: Bool) throws(GuestFailure) {
    let seen = block[WorkerWord.interruptCount]
    own.publish()
    if queue.isIdle { guest_wait_for_interrupt(seen) }
    own.withdraw()
    idleSince = 0
    lastLook = guest_ticks()
    if queue.isIdle {
      // Woken for nothing, or because the queue has stopped.
      try queue.checkState()
    } else if !isShared {
      // On a shared CPU a sleep is as long as others run.
      window.learn(slept: lastLook &- start, waiting: inFlight)
    }
  }
}
