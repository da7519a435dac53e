import CLinux
import Glibc
import Synchronization
import SystemPackage

/// A named thread of the operating system that is pinned before its body starts.
///
/// Any thread may call any method, at any time: what is asked after the end is answered with what the thread
/// recorded last. The thread is detached if nobody joins it.
public final class HostThread: Sendable {
  private let handle: pthread_t
  private let lifetime: ThreadLifetime
  private let joined = Mutex(false)

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - name: What the kernel shows, cut to 15 bytes.
  ///   - cpus: Where it may run; nil leaves it where its creator may run.
  ///   - kind: Which of the process's ``ThreadRestrictions`` the thread applies to itself before the body; nil: none.
  ///   - body: Runs on the thread.
  /// - Throws: `EINVAL` if none of `cpus` is there or allowed, `EAGAIN` if there can be no more threads.
  public init(
    name: String, cpus: CPUSet?, kind: ThreadKind? = nil, _ body: @escaping @Sendable () -> Void
  ) throws(Errno) {
    let lifetime = ThreadLifetime()
    let start = ThreadStart(name: name, kind: kind, lifetime: lifetime, body: body)
    let context = unsafe Unmanaged.passRetained(start)
    let mask = cpus?.mask ?? []
    var thread: pthread_t = 0
    // SAFETY: the thread takes over the reference to its start, or, if there is none, the line below does.
    let result = unsafe mask.withUnsafeBytes { bytes in
      unsafe linux_thread_create(
        &thread, bytes.baseAddress, bytes.count,
        { context in
          guard let context = unsafe context else { return nil }
          unsafe Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue().run()
          return nil
        }, context.toOpaque())
    }
    if result < 0 { unsafe context.release() }
    try check(result)
    handle = thread
    self.lifetime = lifetime
  }

  /// Blocks until the body has returned; later calls return at once.
  public func join() {
    joined.withLock { joined in
      guard !joined else { return }
      joined = linux_thread_join(handle) == 0
    }
  }

  /// The thread by the kernel's number; nil for a moment after the start, and after the end.
  public var byNumber: ForeignThread? {
    lifetime.state.withLock { state in
      let number = lifetime.number.load(ordering: .relaxed)
      return state == nil && number > 0 ? ForeignThread(id: number) : nil
    }
  }

  /// The CPU time that the thread has used so far, or had used at its end.
  public func cpuTimeNanoseconds() throws(Errno) -> UInt64 {
    let (result, nanoseconds) = lifetime.state.withLock { state -> (Int32, UInt64) in
      if let record = state { return (0, record.cpuTimeNanoseconds) }
      var nanoseconds: UInt64 = 0
      // SAFETY: the thread has not ended while the lock is held, so its handle is valid.
      let result = unsafe linux_thread_cpu_nanoseconds(handle, &nanoseconds)
      return (result, nanoseconds)
    }
    try check(result)
    return nanoseconds
  }

  /// The time for which the thread, of the kind `vcpu` or `io`, could have run and waited for a CPU.
  ///
  /// - Returns: nil if the thread is of another kind, has not started yet or has ended, or the kernel keeps no account.
  public var runDelayNanoseconds: UInt64? { lifetime.runDelay.withLock { $0 }?.nanoseconds }

  /// The CPUs that the kernel lets the thread run on, or let it run on at its end.
  public func grantedCPUs() throws(Errno) -> CPUSet {
    try lifetime.state.withLock { (state) throws(Errno) in
      // The thread has not ended while the lock is held.
      if let record = state { record.cpus } else { try CPUSet.ofThread(handle) }
    }
  }

  /// Makes a system call that blocks the thread return `EINTR`, such as `KVM_RUN`.
  ///
  /// Needs ``installInterruptHandler()``. A thread that is not in a system call notices nothing.
  public func interrupt() {
    lifetime.state.withLock { state in
      // The thread has not ended while the lock is held, so the signal cannot fail to find it.
      if state == nil { _ = linux_thread_interrupt(handle) }
    }
  }

  deinit {
    let joined = joined.withLock { $0 }
    if !joined { linux_thread_detach(handle) }
  }
}

extension HostThread {
  /// The signal that ``interrupt()`` sends (`SIGRTMIN+1`).
  public static var interruptSignal: Int32 { linux_interrupt_signal() }

  /// Gives ``interruptSignal`` a handler that does nothing and lets system calls return; once per process, more
  /// often does no harm.
  public static func installInterruptHandler() {
    let result = linux_install_interrupt_handler()
    precondition(result == 0, "a real-time signal takes a handler")
  }

  /// Lets other threads run on the calling thread's CPU, if any wait for it (`sched_yield(2)`).
  public static func yieldCurrent() { sched_yield() }

  /// Gives the calling thread the name that the kernel shows, cut to 15 bytes.
  static func nameCurrent(_ name: String) {
    // SAFETY: the kernel copies the C string during the call.
    unsafe name.withCString { unsafe linux_name_current_thread($0) }
  }

  /// Lets the calling thread run on `cpus` only (`sched_setaffinity(2)`).
  public static func pinCurrent(to cpus: CPUSet) throws(Errno) { try cpus.pinCurrentThread() }

  /// The CPUs that the calling thread may run on (`sched_getaffinity(2)`).
  public static func currentCPUs() throws(Errno) -> CPUSet { try CPUSet.ofCurrentThread() }

  /// The CPUs that the calling thread may run on, without the one that it runs on just now.
  public static func currentCPUsBesideOwn() throws(Errno) -> CPUSet {
    let own = try check(linux_current_cpu())
    return try currentCPUs().subtracting(CPUSet([Int(own)]))
  }

  /// The CPU time that the calling thread has used so far.
  public static func currentCPUTimeNanoseconds() -> UInt64 { linux_current_thread_cpu_nanoseconds() }
}
