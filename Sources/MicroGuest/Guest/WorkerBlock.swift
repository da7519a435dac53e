import CGuest

/// This worker's block: what the host gets to see of it.
// SAFETY: the host promises the whole block at the address that the parameter page names.
@safe
struct WorkerBlock {
  private let words: VextSharedWords
  /// The buckets of the latency histogram.
  let histogram: UnsafeMutablePointer<UInt64>

  init?(address: UInt64) {
    guard let base = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)) else { return nil }
    unsafe words = unsafe VextSharedWords(base: base)
    unsafe histogram = unsafe (base + WorkloadLayout.histogramOffset).assumingMemoryBound(to: UInt64.self)
  }

  /// Writes a result; the next ``enter(_:)`` makes it visible.
  subscript(word: Int) -> UInt64 {
    get { unsafe words.load(word) }
    nonmutating set { unsafe words.store(word, newValue) }
  }

  /// Tells the host how far this worker is.
  func enter(_ state: WorkerState) { unsafe words.storeReleasing(WorkerWord.state, state.rawValue) }

  /// Tells the host why this worker ends, in the one exit that it costs.
  func fail(_ failure: GuestFailure) -> Never {
    self[WorkerWord.failureDetail] = failure.detail
    self[WorkerWord.failure] = failure.reason.rawValue
    enter(.failed)
    guest_out8(WorkloadLayout.reportPort, UInt8(truncatingIfNeeded: WorkerState.failed.rawValue))
    rest()
  }

  /// Sleeps for ever.
  func rest() -> Never {
    while true { guest_wait_for_interrupt(self[WorkerWord.interruptCount]) }
  }
}
