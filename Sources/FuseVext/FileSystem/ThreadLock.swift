import Glibc

/// A lock for one writer or several readers (`pthread_rwlock_t`).
@safe
final class ThreadLock: @unchecked Sendable {
  private let lock: UnsafeMutablePointer<pthread_rwlock_t>

  init() {
    unsafe lock = .allocate(capacity: 1)
    // SAFETY: the one failure is lack of resources, of which a lock without attributes needs none.
    unsafe pthread_rwlock_init(lock, nil)
  }

  deinit {
    unsafe pthread_rwlock_destroy(lock)
    unsafe lock.deallocate()
  }

  /// Runs `body` while nobody else has the lock.
  func exclusively<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe pthread_rwlock_wrlock(lock)
    defer { unsafe pthread_rwlock_unlock(lock) }
    return try body()
  }

  /// Waits until nobody has the lock alone; ends with ``unlock()``.
  func lockShared() { unsafe _ = pthread_rwlock_rdlock(lock) }

  /// Waits until nobody has the lock; ends with ``unlock()``.
  func lockExclusively() { unsafe _ = pthread_rwlock_wrlock(lock) }

  /// Ends what this thread's call began.
  func unlock() { unsafe _ = pthread_rwlock_unlock(lock) }

  /// Runs `body` while nobody has the lock alone.
  func shared<Result: ~Copyable, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    unsafe pthread_rwlock_rdlock(lock)
    defer { unsafe pthread_rwlock_unlock(lock) }
    return try body()
  }
}
