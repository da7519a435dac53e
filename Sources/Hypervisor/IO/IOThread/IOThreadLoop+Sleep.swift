import HostSystem

/// How an adaptive thread sleeps (docs/vext-protocol.md §8.1).
extension IOThreadLoop {
  /// Asks every guest to notify, looks at everything once more, and sleeps until something happens; does not sleep where
  /// there is something after all.
  mutating func sleep() {
    // Before the last look: what was signalled until here is seen by the look, and what is signalled later wakes. Not
    // after a wake-up, where the first request waits.
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
    idleness.noteSleep(nanoseconds: HostClock.monotonicNanoseconds() &- start, waiting: waiting)
  }

  private func wakeQueues() {
    vextQueues.forEach { queue in queue.didWake() }
    for other in otherQueues { other.queue.didWake() }
  }

  /// Takes back what woke the thread last, and the completions that were signalled since. A doorbell that rang while the
  /// thread was awake wakes it once for nothing.
  private mutating func drainSignals() {
    completionEvent.drain()
    for index in 0..<events.count {
      let token = events[index]
      if token == Token.commands {
        mailbox.clearEvent()
      } else if token >= Token.queue {
        let slot = Int(truncatingIfNeeded: token &- Token.queue)
        if slot < slots.count { slots[slot]?.drainNotification() }
      }
    }
  }
}
