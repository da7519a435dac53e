public import HostSystem
import Logging
import SystemPackage
import Synchronization

/// A vCPU and its thread, which runs the guest and answers its port and memory accesses until it is asked to stop.
///
/// The thread takes requests when KVM_RUN returns as interrupted. KVM has then finished the access of the exit before
/// (KVM API §5, immediate_exit), so that registers are consistent.
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
  /// The vCPU's statistics, opened at the first use.
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

  /// Number of returns of KVM_RUN to user space so far. Any thread.
  public var userExitCount: UInt64 { userExits.load(ordering: .relaxed) }

  /// Number of vmexits so far. Any thread but a vCPU's own; the first call interrupts a vCPU that runs.
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

  /// The time just before the vCPU's first instruction (CLOCK_MONOTONIC); nil before. Any thread.
  public var firstRunNanoseconds: UInt64? {
    let moment = firstRun.load(ordering: .acquiring)
    return moment == 0 ? nil : moment
  }

  /// How the vCPU ended; nil while it runs. Any thread.
  public var outcome: VCPUOutcome? { state.withLock { $0.outcome } }

  /// The vCPU's thread; nil before the start. Any thread.
  public var thread: HostThread? { state.withLock { $0.thread } }

  /// Whether the vCPU's thread exists, paused or not. Any thread.
  var isStarted: Bool { mailbox.isOpen }

  func start(name: String, cpus: CPUSet?) throws(Errno) {
    // The lock is held until the thread is known, so that a request in the meantime can interrupt it.
    try state.withLock { (state) throws(Errno) in
      mailbox.open()
      do throws(Errno) {
        state.thread = try HostThread(name: name, cpus: cpus, kind: .vcpu) { [self] in
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

  /// Waits until no guest code runs.
  func waitUntilAtRest() { HostClock.sleep(until: { mailbox.isAtRest }) }

  func resume() { mailbox.setPause(false) }

  /// Runs `body` on the vCPU's thread, and waits for its result; runs it on this thread if the vCPU has none.
  ///
  /// Must not be called on a vCPU's thread, which would wait for itself.
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

  /// Carries out the commands of other threads.
  ///
  /// - Returns: false if the thread must stop.
  private func obeyCommand() throws(KVMError) -> Bool {
    // Before the commands are read: a later request asks for an exit again.
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

/// The result of a task on a vCPU's thread, for the thread that requested it.
private final class VCPUAnswer<Success: Sendable>: Sendable {
  private let result = Mutex<Result<Success, KVMError>?>(nil)

  func fill(
    with body: (KVMVirtualCPU) throws(KVMError) -> Success, _ vcpu: KVMVirtualCPU
  ) {
    let outcome: Result<Success, KVMError>
    do throws(KVMError) { outcome = .success(try body(vcpu)) } catch { outcome = .failure(error) }
    result.withLock { $0 = outcome }
  }

  /// Blocks until there is a result. Only commands and tests wait here.
  func wait() throws(KVMError) -> Success {
    try HostClock.waitForValue { result.withLock { $0 } }.get()
  }
}

/// How a vCPU ended; ``Machine/end`` says what that means for the machine.
public enum VCPUOutcome: Equatable, Sendable {
  /// The machine was asked to stop.
  case stopped
  /// The guest reset itself or powered itself off: triple fault, or a system event that it requested.
  case reset
  /// KVM or the processor could not run the guest any further; the text holds the registers.
  case crashed(String)
}
