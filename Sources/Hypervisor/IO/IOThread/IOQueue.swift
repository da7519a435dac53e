public import SystemPackage

/// A queue of requests that an I/O thread serves: a vext queue or a virtqueue.
///
/// From ``IOQueueServer/attach(_:)`` until ``IOQueueServer/detach(_:)`` returns, only the I/O thread calls these members.
public protocol IOQueue: AnyObject, Sendable {
  /// The eventfd that the guest's notification signals, or nil for a queue that can only be polled.
  var notificationDescriptor: Int32? { get }

  /// The disk that the requests address.
  var disk: DiskHandle { get }

  /// The memory of the queue's machine.
  var memory: GuestMemory { get }

  /// What the queue may take of the thread, together with the other queues of its machine.
  var share: DiskShare { get }

  /// Number of requests that are in flight in the engine.
  var inFlight: Int { get }

  /// Number of requests that were taken since the queue was made; wraps around 2^64.
  var takenCount: UInt64 { get }

  /// Prepares for service; the server calls it when it attaches the queue, which it does again when the queue has moved to it.
  ///
  /// - Parameters:
  ///   - token: upper 32 bits of the tokens that the queue gives to the engine; the queue chooses the lower 32.
  ///   - polling: whether the thread polls, so that the guest need not notify.
  func begin(token: UInt64, polling: Bool)

  /// Takes new requests and starts them, until ``BlockEngine/isSpent`` or the engine has no room.
  ///
  /// Requests that need no I/O are completed at once.
  ///
  /// - Parameter limit: number of requests that it takes at most.
  /// - Returns: the number of requests that it took.
  func drain(engine: inout BlockEngine, limit: Int) -> Int

  /// Completes a pending request.
  ///
  /// - Parameters:
  ///   - request: the lower 32 bits of the request's token.
  ///   - result: number of bytes that were moved, or -errno.
  func complete(request: UInt32, result: Int64)

  /// Publishes the completions of this pass to the guest: updates indices and raises interrupts that are due.
  ///
  /// - Returns: whether ``confirmWake()`` must be called later.
  @discardableResult
  func notifyDriver() -> Bool

  /// Wakes a guest that went to sleep during ``notifyDriver()``.
  ///
  /// The thread calls it before it waits for anything, and otherwise within a few passes.
  func confirmWake()

  /// Asks the guest to notify from now on.
  ///
  /// - Returns: false if requests came in meanwhile, so that the thread must drain again before it sleeps.
  func prepareToSleep() -> Bool

  /// Tells the guest that it need not notify, after a ``prepareToSleep()``: the thread is awake again, or did not sleep.
  func didWake()

  /// Clears the signals of ``notificationDescriptor`` that woke the thread.
  func drainNotification()
}

extension IOQueue {
  /// The default: weight 100, and no limits.
  public var share: DiskShare { DiskShare() }

  /// The default: 0, so that the queue counts as idle.
  public var takenCount: UInt64 { 0 }
}

/// A server of queues: an I/O thread, or a test that steps through it by hand.
public protocol IOQueueServer: AnyObject, Sendable {
  /// Serves `queue` from now on.
  ///
  /// - Throws: EINVAL for a queue that can only be polled, if the server does not poll.
  func attach(_ queue: any IOQueue) throws(Errno)

  /// Stops taking requests from `queue`; returns when none is in flight and the server will not touch the queue again.
  ///
  /// Requests that were in flight are still completed. Does nothing for a queue that is not attached.
  func detach(_ queue: any IOQueue)

  /// Begins what ``detach(_:)`` does, without waiting for its end: storage may hang.
  func startDetaching(_ queue: any IOQueue) -> IOQueueDetachment
}

extension IOQueueServer {
  /// Detaches the queue at once, for servers that never wait.
  public func startDetaching(_ queue: any IOQueue) -> IOQueueDetachment {
    detach(queue)
    return IOQueueDetachment()
  }
}
