import HostSystem

/// How an adaptive thread sleeps (docs/vext-protocol.md §8.1).
extension IOThreadLoop {
  /// Asks every guest to notify, makes a last pass, and sleeps until an event; does not sleep if the pass found work.
  mutating func sleep() {
    // Clears signals before the last pass: the pass sees the work of all signals so far, and a later signal wakes the
    // thread. Clearing them after the wake-up would delay the first request.
    drainSignals()
    let mayRest = prepareToSleep()
    guard mayRest, !mailbox.hasCommands, engine.room > 0, pass() == 0 else {
      wakeQueues()
      idleness.noteWork()
      return
    }
    let start = HostClock.monotonicNanoseconds()
    let waiting = engine.inFlight
    blockUntilEvent()
    wakeQueues()
    idleness.noteSleep(from: start, to: HostClock.monotonicNanoseconds(), waiting: waiting)
  }

  /// Measures, every 10 ms at most, whether this thread and the vCPUs of its guests wait for CPUs, and tells the guests.
  ///
  /// Call after an idle pass. It reads no clock of its own.
  @inline(__always)
  mutating func checkContention() {
    guard idleness.clock &- contentionCheckedAt >= CPUContention.intervalNanoseconds else { return }
    measureContention()
  }

  private mutating func measureContention() {
    let now = idleness.clock
    contentionCheckedAt = now
    idleness.isCPUShared = adaptation.contains(.contention) && contention.isShared(at: now)
    vextQueues.forEach { queue in queue.publishContention(at: now) }
  }

  private func wakeQueues() {
    vextQueues.forEach { queue in queue.didWake() }
    for other in otherQueues { other.queue.didWake() }
  }

  /// Clears the signals that woke the thread last, and that of completions since.
  ///
  /// A doorbell that rang while the thread was awake causes one wake-up without work.
  private mutating func drainSignals() {
    completionEvent.drain()
    for index in 0..<events.count {
      let token = events[index]
      if token == Token.commands {
        mailbox.clearEvent()
      } else if token >= Token.queue {
        let queueIndex = Int(truncatingIfNeeded: token &- Token.queue)
        if queueIndex < attachedQueues.count { attachedQueues[queueIndex]?.drainNotification() }
      }
    }
  }
}
