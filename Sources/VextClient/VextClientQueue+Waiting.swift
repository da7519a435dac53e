import CLinux
import HostSystem
public import SystemPackage
import VextProtocol

extension VextClientQueue {
  /// How often a long wait looks at the state register, which costs a vmexit, in nanoseconds.
  private static let stateInterval: UInt64 = 100_000_000

  /// Takes the answers that are there, without waiting.
  ///
  /// - Returns: how many requests are still under way.
  @discardableResult
  public func poll() -> Int {
    if failure == nil { _ = drain() }
    return requests.count { $0.isActive && $0.remaining > 0 }
  }

  /// Whether the request has ended, so that ``wait(for:)`` does not wait. Looks for answers first.
  public func isFinished(_ id: VextRequestID) -> Bool {
    if failure == nil { _ = drain() }
    guard let slot = slot(of: id) else { return true }
    return requests[slot].remaining == 0
  }

  /// Waits for the end of a request and takes its outcome.
  ///
  /// - Throws: what the device answered; the queue's failure; `EINVAL` if the outcome was taken before.
  public func wait(for id: VextRequestID) throws(Errno) {
    guard let slot = slot(of: id) else { throw .invalidArgument }
    while requests[slot].remaining > 0 { waitForProgress() }
    let error = release(slot)
    if error != 0 { throw Errno(rawValue: error) }
  }

  /// Waits for the end of all requests and takes their outcomes.
  ///
  /// - Throws: one of the errors, if there are any.
  public func waitForAll() throws(Errno) {
    var error: CInt = 0
    for slot in requests.indices where requests[slot].isActive {
      while requests[slot].remaining > 0 { waitForProgress() }
      let outcome = release(slot)
      if error == 0 { error = outcome }
    }
    if error != 0 { throw Errno(rawValue: error) }
  }

  private func slot(of id: VextRequestID) -> Int? {
    let slot = Int(id.slot)
    guard requests.indices.contains(slot), requests[slot].isActive,
      requests[slot].generation == id.generation
    else { return nil }
    return slot
  }

  private func release(_ slot: Int) -> CInt {
    let error = requests[slot].error
    requests[slot].isActive = false
    requests[slot].generation &+= 1
    unsafe requests[slot].targets = unsafe []
    freeRequests.append(slot)
    return error
  }

  /// Waits until an answer came or the queue has failed. Something must be under way.
  func waitForProgress() {
    guard failure == nil else { return }
    for _ in 0..<waitPolicy.spinCount {
      if drain() > 0 || failure != nil { return }
      SpinHint.pause()
    }
    waitPatiently()
  }

  private func waitPatiently() {
    let start = HostClock.monotonicNanoseconds()
    var nextLook = start &+ Self.stateInterval
    var yields = 0
    var nap = max(waitPolicy.sleepNanoseconds, 1)
    while true {
      if drain() > 0 || failure != nil { return }
      let now = HostClock.monotonicNanoseconds()
      if now &- start >= waitPolicy.timeoutNanoseconds { return expire() }
      if now >= nextLook {
        if load(.state) != VextQueueState.enabled.rawValue { return stop() }
        nextLook = now &+ Self.stateInterval
      }
      if yields < waitPolicy.yieldCount {
        yields += 1
        linux_yield()
      } else {
        HostClock.sleep(nanoseconds: min(nap, waitPolicy.timeoutNanoseconds &- (now &- start)))
        nap = min(nap &* 2, max(waitPolicy.longestSleepNanoseconds, 1))
      }
    }
  }
}
