public import HostSystem
public import SystemPackage
import Synchronization

/// The I/O-dedicated host thread: serves the queues of all the machines handed to it.
///
/// The thread owns its queues and its engine; other threads reach it through ``attach(_:)``, ``detach(_:)`` and
/// ``stop()`` alone, from any thread.
public final class IOThread: IOQueueServer {
  /// How the thread learns of new requests and completions.
  public enum Waiting: Sendable, Equatable {
    /// It looks at every queue and at the completion ring again and again, and never sleeps.
    case polling
    /// It sleeps until a guest notifies it (ioeventfd) or a request completes (eventfd).
    case events
    /// It polls, and sleeps as with `events` after a time without anything to do, which adapts (`PollingWindow`). Queues
    /// that cannot notify keep it awake.
    case adaptive
  }

  private let mailbox: IOThreadMailbox
  private let waiting: Waiting
  /// The thread, for its CPU time and its affinity.
  public let thread: HostThread

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - name: the thread's name, at most 15 bytes.
  ///   - cpus: where it runs; nil: anywhere.
  ///   - engineCapacity: requests under way at most, over all queues.
  /// - Throws: what the kernel says to the engine's set-up or to the pinning.
  public init(
    name: String, cpus: CPUSet?, waiting: Waiting, engine kind: BlockEngineKind, engineCapacity: Int = 4096
  ) throws(Errno) {
    let mailbox = IOThreadMailbox(event: try EventDescriptor())
    let loop = IOThreadLoop.Box(
      try IOThreadLoop(mailbox: mailbox, waiting: waiting, kind: kind, engineCapacity: engineCapacity))
    self.mailbox = mailbox
    self.waiting = waiting
    self.thread = try HostThread(name: name, cpus: cpus) { loop.runOnThisThread() }
  }

  /// Serves `queue` from now on; returns when the thread has taken it over.
  ///
  /// - Precondition: a thread that waits for events can only serve a queue that notifies.
  public func attach(_ queue: any IOQueue) {
    precondition(waiting != .events || queue.notificationDescriptor != nil, "this queue must be polled")
    mailbox.send(.attach(queue))
  }

  /// Takes no more requests from `queue`; returns when none is under way and it will not be touched again.
  public func detach(_ queue: any IOQueue) { mailbox.send(.detach(queue)) }

  /// Registers a disk, and a machine's memory, with the kernel where the engine is `io_uring` and the host allows it; returns
  /// when that is done. Before their queues are attached: those that are attached already go on as they did.
  ///
  /// Both are kept until the thread ends. The memory is resident and pinned from now on: a machine with a balloon, or one
  /// that must not take all of its memory at once, does not register it.
  public func register(disk: DiskImage, memory: GuestMemory?) { mailbox.send(.register(disk, memory)) }

  /// Ends the thread when nobody refers to it any more, without waiting for that.
  deinit { mailbox.post(.stop) }

  /// Detaches every queue, waits for what is under way, and ends the thread. A queue that is attached from now on is
  /// not served; calling this twice does nothing more.
  public func stop() {
    mailbox.send(.stop)
    thread.join()
  }
}
