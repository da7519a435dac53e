import Glibc

/// Lets few threads wait for requests at a time, and keeps the others parked.
///
/// The kernel wakes waiting threads in turn, so that with many of them each request would meet a thread whose caches are cold, on
/// any CPU. A thread that gets a request lets a parked one in only if nobody waits any more: one request at a time is
/// served by the same two threads, many at a time by all.
@safe
final class ReceiveGate: @unchecked Sendable {
  private static let waitingLimit = 2

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var waitingCount = 0
  private var isClosed = false

  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    // SAFETY: neither can fail without attributes.
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Waits until the calling thread may wait for a request. False once the gate is closed.
  func enter() -> Bool {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while !isClosed, waitingCount >= Self.waitingLimit { unsafe pthread_cond_wait(condition, mutex) }
    waitingCount += 1
    return !isClosed
  }

  /// The calling thread no longer waits.
  func leave() {
    unsafe pthread_mutex_lock(mutex)
    waitingCount -= 1
    let isLast = waitingCount == 0
    unsafe pthread_mutex_unlock(mutex)
    if isLast { unsafe pthread_cond_signal(condition) }
  }

  /// Lets all threads through, from now on.
  func close() {
    unsafe pthread_mutex_lock(mutex)
    isClosed = true
    unsafe pthread_mutex_unlock(mutex)
    unsafe pthread_cond_broadcast(condition)
  }
}
