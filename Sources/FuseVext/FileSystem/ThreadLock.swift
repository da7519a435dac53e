import Glibc

/// A lock for one writer or several readers (`pthread_rwlock_t`). A writer that waits comes before readers that come later,
/// however many these are; so a thread that has the lock as a reader must not ask for it again.
@safe
final class ThreadLock: @unchecked Sendable {
  private let lock: UnsafeMutablePointer<pthread_rwlock_t>

  init() {
    unsafe lock = .allocate(capacity: 1)
    var attributes = pthread_rwlockattr_t()
    // SAFETY: these calls fail for lack of resources, of which they need none, or for an unknown kind.
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
  func exclusively<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe pthread_rwlock_wrlock(lock)
    defer { unsafe pthread_rwlock_unlock(lock) }
    return try body()
  }

  /// Takes the lock shared, until ``unlock()``.
  func lockShared() { unsafe _ = pthread_rwlock_rdlock(lock) }

  /// Takes the lock exclusively, until ``unlock()``.
  func lockExclusively() { unsafe _ = pthread_rwlock_wrlock(lock) }

  /// Releases the lock that this thread holds.
  func unlock() { unsafe _ = pthread_rwlock_unlock(lock) }

  /// Runs `body` with the lock held shared.
  func shared<Result: ~Copyable, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    unsafe pthread_rwlock_rdlock(lock)
    defer { unsafe pthread_rwlock_unlock(lock) }
    return try body()
  }
}
