import CSlirp

/// Alarms that libslirp set.
@safe
struct SlirpTimers {
  // SAFETY: the contexts are libslirp's; they are never dereferenced here, only handed back while their timer exists.
  /// What libslirp wants back when a timer fires.
  @unsafe
  struct Timer {
    let id: SlirpTimerId
    let context: UnsafeMutableRawPointer?
    var deadlineMilliseconds: Int64?
  }

  private var timers: [UInt: Timer] = unsafe [:]
  private var nextHandle: UInt = 1

  /// Makes a timer that is not set, and returns its handle: never zero.
  mutating func make(id: SlirpTimerId, context: UnsafeMutableRawPointer?) -> UInt {
    defer { nextHandle += 1 }
    unsafe timers[nextHandle] = Timer(id: id, context: context, deadlineMilliseconds: nil)
    return nextHandle
  }

  /// Forgets a timer.
  mutating func free(_ handle: UInt) { unsafe timers[handle] = nil }

  /// Sets a timer.
  mutating func set(_ handle: UInt, deadlineMilliseconds: Int64) {
    unsafe timers[handle]?.deadlineMilliseconds = deadlineMilliseconds
  }

  /// When the first timer fires.
  var firstDeadlineMilliseconds: Int64? {
    unsafe timers.values.compactMap { unsafe $0.deadlineMilliseconds }.min()
  }

  /// Takes a timer whose time has come; it is not set any more.
  mutating func takeDue(nowMilliseconds now: Int64) -> Timer? {
    let due = unsafe timers.first { entry in
      unsafe entry.value.deadlineMilliseconds.map { $0 <= now } ?? false
    }
    guard let (handle, timer) = unsafe due else { return nil }
    unsafe timers[handle]?.deadlineMilliseconds = nil
    return unsafe timer
  }
}
