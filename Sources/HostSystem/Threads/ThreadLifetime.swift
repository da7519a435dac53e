import CLinux
import Glibc
import Synchronization

/// What a thread leaves behind at its end. While there is no record, and the lock is held, the thread lives.
final class ThreadLifetime: Sendable {
  struct Record: Sendable {
    let cpuTimeNanoseconds: UInt64
    let cpus: CPUSet
  }

  let state = Mutex<Record?>(nil)
  /// The kernel's number of the thread; 0 before it has begun.
  let number = Atomic<Int32>(0)

  /// The thread's account of its waits for a CPU; nil before its start, and where there is none.
  let runDelay = Mutex<RunDelayMeter?>(nil)

  /// Called by the thread as its first act.
  func begin() { number.store(linux_current_thread_id(), ordering: .relaxed) }

  /// Called by the thread as its last act.
  func end() {
    // The kernel tells a thread its own CPUs unless the mask is too short for them.
    let cpus = (try? CPUSet.ofCurrentThread()) ?? CPUSet([])
    state.withLock {
      $0 = Record(cpuTimeNanoseconds: linux_current_thread_cpu_nanoseconds(), cpus: cpus)
    }
  }
}

/// What a new thread is given.
final class ThreadStart: Sendable {
  private let name: String
  private let kind: ThreadKind?
  private let lifetime: ThreadLifetime
  private let body: @Sendable () -> Void

  init(name: String, kind: ThreadKind?, lifetime: ThreadLifetime, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.kind = kind
    self.lifetime = lifetime
    self.body = body
  }

  func run() {
    lifetime.begin()
    HostThread.nameCurrent(name)
    linux_unblock_interrupt()
    if let kind {
      // Before the thread gives up the right to open files.
      if kind == .vcpu || kind == .io {
        let meter = RunDelayMeter.ofCurrentThread()
        lifetime.runDelay.withLock { $0 = meter }
      }
      // The thread must not serve a guest with rights that the process meant to give up.
      do throws(SystemCallFilterError) { try ThreadRestrictions.applyToCurrentThread(as: kind) } catch {
        ThreadRestrictions.endProcess(thread: name, error)
      }
    }
    body()
    lifetime.end()
  }
}
