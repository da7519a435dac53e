public import HostSystem
public import SystemPackage
import Synchronization

/// A host thread that does nothing but I/O: it serves the queues of one or many machines.
///
/// The thread owns its queues and its engine. Any thread may call the methods here, which send it commands.
public final class IOThread: IOQueueServer {
  /// How the thread learns of new requests and completions.
  public enum Waiting: Sendable, Equatable {
    /// Polls every queue and the completion ring all the time, and never sleeps.
    case polling
    /// Sleeps until a guest notifies it (ioeventfd) or a request completes (eventfd).
    case events
    /// Polls, and sleeps as with `events` once there was no work for an adaptive time (`VextPollingWindow`).
    ///
    /// A queue that cannot notify keeps the thread awake.
    case adaptive
  }

  /// When an adaptive thread does without the polling window, and sleeps as soon as it finds nothing.
  public struct Adaptation: OptionSet, Sendable {
    /// The set's bits.
    public let rawValue: UInt8
    /// Takes all bits, known or not.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// While other threads wait for its CPU.
    public static let contention = Adaptation(rawValue: 1 << 0)
    /// While requests are in flight for less than a quarter of the time.
    public static let load = Adaptation(rawValue: 1 << 1)
  }

  private let mailbox: IOThreadMailbox
  private let waiting: Waiting
  /// The thread, for its CPU time and its affinity.
  public let thread: HostThread

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - name: the thread's name, at most 15 bytes.
  ///   - cpus: the CPUs that it may use; nil: all.
  ///   - adaptation: when an adaptive thread does without the polling window.
  ///   - engineCapacity: maximum number of requests in flight, over all queues.
  ///   - offloads: whether `libaio` leaves ranges and large transfers through the page cache to a thread of their own, because they
  ///     would block the others.
  /// - Throws: the kernel's error if the engine cannot be set up or the thread cannot be pinned.
  public init(
    name: String, cpus: CPUSet?, waiting: Waiting, adaptation: Adaptation = [.contention, .load],
    engine kind: BlockEngineKind, engineCapacity: Int = 4096, offloads: Bool = true
  ) throws(Errno) {
    let mailbox = IOThreadMailbox(event: try EventDescriptor())
    let contention = CPUContention()
    let loop = IOThreadLoop.Box(
      try IOThreadLoop(
        mailbox: mailbox, waiting: waiting, adaptation: adaptation, contention: contention, kind: kind,
        engineCapacity: engineCapacity, offloads: offloads))
    self.mailbox = mailbox
    self.waiting = waiting
    self.thread = try HostThread(name: name, cpus: cpus, kind: .io) { loop.runOnThisThread() }
    contention.watch(thread)
  }

  /// Serves `queue` from now on; returns when the thread owns it.
  ///
  /// - Throws: EINVAL if the thread waits for events and the queue has no ``IOQueue/notificationDescriptor``.
  public func attach(_ queue: any IOQueue) throws(Errno) {
    guard canServe(queue) else { throw .invalidArgument }
    mailbox.send(.attach(queue))
  }

  /// Stops taking requests from `queue`; returns when none is in flight and the thread will not touch the queue again.
  public func detach(_ queue: any IOQueue) { mailbox.send(.detach(queue, elsewhere: nil)) }

  /// Begins what ``detach(_:)`` does, and returns at once.
  public func startDetaching(_ queue: any IOQueue) -> IOQueueDetachment {
    IOQueueDetachment(mailbox.post(.detach(queue, elsewhere: nil)))
  }

  /// The same for a queue that is perhaps on its way to `other`, or there already.
  func startDetaching(_ queue: any IOQueue, elsewhere other: IOThread) -> IOQueueDetachment {
    IOQueueDetachment(
      mailbox.post(.detach(queue, elsewhere: other.mailbox))
        ?? other.mailbox.post(.detach(queue, elsewhere: nil)))
  }

  /// Begins to hand a queue of this thread's over to `other`: takes no more requests from it, waits for those in flight, and lets
  /// `other` go on.
  ///
  /// - Returns: done when `other` serves the queue; at once where this thread does not have it. Nil if the thread has ended.
  func startMoving(_ queue: any IOQueue, to other: IOThread) -> IOThreadCommand? {
    mailbox.post(.move(queue, to: other.mailbox))
  }

  /// Whether the thread can serve `queue`.
  func canServe(_ queue: any IOQueue) -> Bool { waiting != .events || queue.notificationDescriptor != nil }

  /// Begins to measure how busy the thread is.
  ///
  /// - Returns: nil if the thread has ended.
  func startMeasuring() -> IOThreadCommand? { mailbox.post(.startMeasuring) }

  /// Ends what ``startMeasuring()`` began; once it is done, `measurement` has the result.
  ///
  /// - Returns: nil if the thread has ended.
  func finishMeasuring(_ measurement: IOThreadMeasurement) -> IOThreadCommand? {
    mailbox.post(.finishMeasuring(measurement))
  }

  /// Registers a disk, and a machine's memory if given, with the kernel for `io_uring`; returns when that is done.
  ///
  /// Does nothing with another engine, or if the host does not allow it. Call this before the queues are attached; queues
  /// that are attached already do not use the registration. It lasts until the thread ends. Registered memory is resident
  /// and pinned: do not register the memory of a machine with a balloon, or of one that must not take all of it at once.
  public func register(disk: DiskImage, memory: GuestMemory?) { mailbox.send(.register(disk, memory)) }

  /// Ends the thread without waiting for its end.
  deinit { mailbox.post(.stop) }

  /// Detaches every queue, waits for requests in flight, and ends the thread.
  ///
  /// A queue that is attached later is not served. A second call has no effect.
  public func stop() {
    mailbox.send(.stop)
    thread.join()
  }

  /// The same, but gives up after `nanoseconds`, for storage that hangs; the thread ends when its requests do.
  ///
  /// - Returns: whether the thread has ended.
  func stop(nanoseconds: UInt64) -> Bool {
    let detachment = IOQueueDetachment(mailbox.post(.stop))
    guard IOQueueDetachment.wait(for: [detachment], nanoseconds: nanoseconds) else { return false }
    thread.join()
    return true
  }
}
