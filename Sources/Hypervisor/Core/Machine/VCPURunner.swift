public import HostSystem
import Logging
import SystemPackage
import Synchronization

/// One vCPU and its thread: runs the guest and answers its port and memory accesses until told to stop.
///
/// The thread takes requests when KVM_RUN returns as interrupted. KVM has then finished the access of the exit before
/// (KVM API §5, immediate_exit), so registers are whole.
public final class VCPURunner: Sendable {
  /// The vCPU.
  public let vcpu: KVMVirtualCPU
  let portBus: AddressBus
  let memoryBus: AddressBus
  let memory: GuestMemory
  let debug: MachineDebugOptions
  let end: MachineEndLatch
  let logger: Logger
  private let mailbox: VCPUMailbox
  private let userExits = Atomic<UInt64>(0)
  private let firstRun = Atomic<UInt64>(0)
  private let state = Mutex(State())
  /// Opened when somebody first asks.
  private let statistics = Mutex<KVMStatistics?>(nil)

  private struct State {
    var thread: HostThread?
    var outcome: VCPUOutcome?
  }

  init(
    vcpu: KVMVirtualCPU, portBus: AddressBus, memoryBus: AddressBus, memory: GuestMemory,
    debug: MachineDebugOptions, end: MachineEndLatch
  ) throws(Errno) {
    self.vcpu = vcpu
    self.portBus = portBus
    self.memoryBus = memoryBus
    self.memory = memory
    self.debug = debug
    self.end = end
    logger = Logger(label: "vcpu\(vcpu.index)")
    mailbox = try VCPUMailbox()
  }

  /// Returns of KVM_RUN to user space so far. Any thread.
  public var userExitCount: UInt64 { userExits.load(ordering: .relaxed) }

  /// vmexits so far. Any thread but a vCPU's own; the first call interrupts a vCPU that runs.
  public func exitCounts() throws(KVMError) -> ExitCounts {
    try statistics.withLock { (statistics) throws(KVMError) in
      let opened =
        if let statistics { statistics } else {
          try perform { (vcpu) throws(KVMError) in try vcpu.makeStatistics() }
        }
      statistics = opened
      var counts = try opened.exitCounts()
      counts.user = userExitCount
      return counts
    }
  }

  /// When the vCPU was about to run its first instruction (CLOCK_MONOTONIC), or nil before. Any thread.
  public var firstRunNanoseconds: UInt64? {
    let moment = firstRun.load(ordering: .acquiring)
    return moment == 0 ? nil : moment
  }

  /// How the vCPU ended, or nil while it runs. Any thread.
  public var outcome: VCPUOutcome? { state.withLock { $0.outcome } }

  /// The vCPU's thread, once started. Any thread.
  public var thread: HostThread? { state.withLock { $0.thread } }

  /// Whether the vCPU's thread is there, paused or not. Any thread.
  var isStarted: Bool { mailbox.isOpen }

  func start(name: String, cpus: CPUSet?) throws(Errno) {
    // The lock is held until the thread is known, so that nobody who asks something of it fails to interrupt it.
    try state.withLock { (state) throws(Errno) in
      mailbox.open()
      do throws(Errno) {
        state.thread = try HostThread(name: name, cpus: cpus) { [self] in
          firstRun.store(HostClock.monotonicNanoseconds(), ordering: .releasing)
          let outcome = runUntilStopped()
          mailbox.close()
          self.state.withLock { $0.outcome = outcome }
        }
      } catch {
        mailbox.close()
        throw error
      }
    }
  }

  /// Asks the vCPU to leave the guest for good; returns at once.
  func requestStop() {
    mailbox.requestStop()
    interrupt()
  }

  func join() { thread?.join() }

  /// Asks the vCPU to leave the guest until ``resume()``; returns at once.
  func requestPause() {
    mailbox.setPause(true)
    interrupt()
  }

  /// Waits until no guest code runs, asleep for 20 us at a time.
  func waitUntilAtRest() {
    while !mailbox.isAtRest { HostClock.sleep(nanoseconds: 20_000) }
  }

  func resume() { mailbox.setPause(false) }

  /// Does something to the vCPU on its thread and waits for that; on this thread while the vCPU has none.
  ///
  /// Not from a vCPU's thread: it would wait for itself.
  func perform<Result: Sendable>(
    _ body: @escaping @Sendable (KVMVirtualCPU) throws(KVMError) -> Result
  ) throws(KVMError) -> Result {
    let answer = VCPUAnswer<Result>()
    let vcpu = vcpu
    if mailbox.post({ answer.fill(with: body, vcpu) }) { interrupt() }
    return try answer.wait()
  }

  private func interrupt() {
    vcpu.requestExit()
    thread?.interrupt()
  }

  private func runUntilStopped() -> VCPUOutcome {
    do throws(KVMError) {
      if debug.singleSteps { try vcpu.enableSingleStep() }
      while true {
        let exit = try vcpu.runOnce()
        userExits.store(userExits.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        if exit == .interrupted {
          guard try obeyCommand() else { return .stopped }
        } else if let outcome = handle(exit) {
          return outcome
        }
      }
    } catch {
      return crash("\(error)")
    }
  }

  /// Does what other threads asked for; false where that is to stop.
  private func obeyCommand() throws(KVMError) -> Bool {
    // Before looking: a request that comes later asks for an exit again.
    vcpu.clearExitRequest()
    while true {
      switch mailbox.take() {
      case .nothing: return true
      case .stop: return false
      case .task(let task): task()
      case .park: mailbox.waitForCommand()
      case .resumption:
        try vcpu.tellGuestItWasPaused()
        return true
      }
    }
  }
}

/// What a vCPU's thread answers to whoever asked it to do something.
private final class VCPUAnswer<Success: Sendable>: Sendable {
  private let result = Mutex<Result<Success, KVMError>?>(nil)

  func fill(
    with body: (KVMVirtualCPU) throws(KVMError) -> Success, _ vcpu: KVMVirtualCPU
  ) {
    let outcome: Result<Success, KVMError>
    do throws(KVMError) { outcome = .success(try body(vcpu)) } catch { outcome = .failure(error) }
    result.withLock { $0 = outcome }
  }

  /// Asleep for 20 us at a time: a person asked, or a test.
  func wait() throws(KVMError) -> Success {
    while true {
      if let outcome = result.withLock({ $0 }) { return try outcome.get() }
      HostClock.sleep(nanoseconds: 20_000)
    }
  }
}
