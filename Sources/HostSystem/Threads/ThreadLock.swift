import Glibc

/// A lock for one writer or several readers (`pthread_rwlock_t`).
///
/// A writer that waits comes before readers that come later, however many these are; so a thread that has the lock as a reader must
/// not ask for it again.
@safe
public final class ThreadLock: @unchecked Sendable {
  // SAFETY: the initializer allocates and initializes the lock, and nothing but `deinit` takes it away; pthreads make every
  // operation on it safe for any thread.
  @usableFromInline let lock: UnsafeMutablePointer<pthread_rwlock_t>

  /// A lock that no thread has.
  public init() {
    unsafe lock = .allocate(capacity: 1)
    var attributes = pthread_rwlockattr_t()
    // These calls fail for lack of resources, of which they need none, or for an unknown kind.
    unsafe pthread_rwlockattr_init(&attributes)
    unsafe pthread_rwlockattr_setkind_np(
      &attributes, Int32(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP))
    unsafe pthread_rwlock_init(lock, &attributes)
    unsafe pthread_rwlockattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_rwlock_destroy(lock)
    unsafe lock.deallocate()
  }

  /// Runs `body` with the lock held exclusively.
  @inlinable
  public func exclusively<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    lockExclusively()
    defer { unlock() }
    return try body()
  }

  /// Runs `body` with the lock held shared.
  @inlinable
  public func shared<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    lockShared()
    defer { unlock() }
    return try body()
  }

  /// Takes the lock shared, until ``unlock()``.
  @inlinable
  public func lockShared() { unsafe _ = pthread_rwlock_rdlock(lock) }

  /// Takes the lock exclusively, until ``unlock()``.
  @inlinable
  public func lockExclusively() { unsafe _ = pthread_rwlock_wrlock(lock) }

  /// Releases the lock that this thread holds.
  @inlinable
  public func unlock() { unsafe _ = pthread_rwlock_unlock(lock) }
}

// MARK: - Monitor

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
