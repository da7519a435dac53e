import Glibc

/// A lock that many threads can share, or one can have alone; a thread that wants it alone comes before later sharers.
@safe
package final class ReadWriteLock: @unchecked Sendable {
  // SAFETY: `init` allocates and initializes the lock, and `deinit` frees it, when no thread has it.
  private let lock: UnsafeMutablePointer<pthread_rwlock_t>

  /// Makes a lock that no thread has.
  package init() {
    unsafe lock = .allocate(capacity: 1)
    var attributes = pthread_rwlockattr_t()
    unsafe pthread_rwlockattr_init(&attributes)
    // PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP
    unsafe pthread_rwlockattr_setkind_np(&attributes, 2)
    let result = unsafe pthread_rwlock_init(lock, &attributes)
    precondition(result == 0, "a lock without special attributes can be made")
    unsafe pthread_rwlockattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_rwlock_destroy(lock)
    unsafe lock.deallocate()
  }

  /// Runs `body` while others may share the lock.
  package func shared<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result
  {
    unsafe pthread_rwlock_rdlock(lock)
    defer { unsafe pthread_rwlock_unlock(lock) }
    return try body()
  }

  /// Runs `body` while no other thread has the lock.
  package func alone<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    unsafe pthread_rwlock_wrlock(lock)
    defer { unsafe pthread_rwlock_unlock(lock) }
    return try body()
  }
}
