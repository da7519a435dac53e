import CLinux
import HostSystem
public import SystemPackage
import VextProtocol

extension VextClientQueue {
  /// The interval in nanoseconds at which a long wait reads the state register, which costs a vmexit.
  private static let stateInterval: UInt64 = 100_000_000

  /// Takes all available completions without waiting.
  ///
  /// - Returns: the number of requests that are still in flight.
  @discardableResult
  public func poll() -> Int {
    if failure == nil { _ = drain() }
    return requests.count { $0.isActive && $0.remaining > 0 }
  }

  /// Takes all available completions, and returns whether the request has ended, so that ``wait(for:)`` would not block.
  public func isFinished(_ id: VextRequestID) -> Bool {
    if failure == nil { _ = drain() }
    guard let requestIndex = requestIndex(of: id) else { return true }
    return requests[requestIndex].remaining == 0
  }

  /// Waits for the end of a request and takes its result.
  ///
  /// - Throws: the device's error; the queue's ``failure``; `EINVAL` if the result was taken before.
  public func wait(for id: VextRequestID) throws(Errno) {
    guard let requestIndex = requestIndex(of: id) else { throw .invalidArgument }
    while requests[requestIndex].remaining > 0 { waitForProgress() }
    let error = release(requestIndex)
    if error != 0 { throw Errno(rawValue: error) }
  }

  /// Waits for the end of all requests and takes their results.
  ///
  /// - Throws: one of the errors, if any request failed.
  public func waitForAll() throws(Errno) {
    var error: CInt = 0
    for requestIndex in requests.indices where requests[requestIndex].isActive {
      while requests[requestIndex].remaining > 0 { waitForProgress() }
      let outcome = release(requestIndex)
      if error == 0 { error = outcome }
    }
    if error != 0 { throw Errno(rawValue: error) }
  }

  private func requestIndex(of id: VextRequestID) -> Int? {
    let requestIndex = Int(id.index)
    guard requests.indices.contains(requestIndex), requests[requestIndex].isActive,
      requests[requestIndex].generation == id.generation
    else { return nil }
    return requestIndex
  }

  private func release(_ requestIndex: Int) -> CInt {
    let error = requests[requestIndex].error
    requests[requestIndex].isActive = false
    requests[requestIndex].generation &+= 1
    requests[requestIndex].targets = CallerBuffers()
    freeRequests.append(requestIndex)
    return error
  }

  /// Waits for a completion or a failure of the queue. A request must be in flight.
  func waitForProgress() {
    guard failure == nil else { return }
    wakeDevice()
    for _ in 0..<waitPolicy.spinCount {
      if drain() > 0 || failure != nil { return }
      SpinHint.pause()
    }
    waitWithBackOff()
  }

  private func waitWithBackOff() {
    let start = HostClock.monotonicNanoseconds()
    var nextStateCheck = start &+ Self.stateInterval
    var yields = 0
    var backOff = max(waitPolicy.sleepNanoseconds, 1)
    while true {
      if drain() > 0 || failure != nil { return }
      let now = HostClock.monotonicNanoseconds()
      if now &- start >= waitPolicy.timeoutNanoseconds { return expire() }
      if now >= nextStateCheck {
        if load(.state) != VextQueueState.enabled.rawValue { return stop() }
        nextStateCheck = now &+ Self.stateInterval
      }
      if yields < waitPolicy.yieldCount {
        yields += 1
        linux_yield()
      } else {
        HostClock.sleep(nanoseconds: min(backOff, waitPolicy.timeoutNanoseconds &- (now &- start)))
        backOff = min(backOff &* 2, max(waitPolicy.longestSleepNanoseconds, 1))
      }
    }
  }
}
