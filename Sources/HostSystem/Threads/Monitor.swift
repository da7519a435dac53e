import Glibc

/// A value under a lock, for whose changes threads can wait (`pthread_mutex_t`, `pthread_cond_t`).
@safe
public final class Monitor<Value>: @unchecked Sendable {
  // SAFETY: the initializer allocates and initializes both, and nothing but `deinit` takes them away; only the methods below lock,
  // wait and unlock, in this order.
  @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
  @usableFromInline let condition: UnsafeMutablePointer<pthread_cond_t>
  @usableFromInline var value: Value

  /// A monitor of `value`.
  public init(_ value: Value) {
    self.value = value
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    // Neither can fail without attributes.
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Runs `body` with the value, while no other thread has it.
  @inlinable
  public func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body(&value)
  }

  /// Waits while `isToWait` returns true, and then runs `body` as ``withLock(_:)`` does.
  ///
  /// `isToWait` is called first, and again each time that another thread calls ``wakeOne()`` or ``wakeAll()``.
  @inlinable
  public func withLock<Result>(
    waitingWhile isToWait: (Value) -> Bool, _ body: (inout Value) -> Result
  ) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while isToWait(value) { unsafe pthread_cond_wait(condition, mutex) }
    return body(&value)
  }

  /// Lets one waiting thread check its condition.
  @inlinable
  public func wakeOne() { unsafe _ = pthread_cond_signal(condition) }

  /// Lets all waiting threads check their conditions.
  @inlinable
  public func wakeAll() { unsafe _ = pthread_cond_broadcast(condition) }
}
