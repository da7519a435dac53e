/// One queue of requests as an I/O thread serves it: a vext queue or a virtqueue.
///
/// From ``IOQueueServer/attach(_:)`` to the return of ``IOQueueServer/detach(_:)`` the I/O thread is the only one
/// that calls these.
public protocol IOQueue: AnyObject, Sendable {
  /// The eventfd that the guest's notification signals, or nil for a queue that can only be polled.
  var notificationDescriptor: Int32? { get }

  /// The disk that its requests are for.
  var disk: DiskHandle { get }

  /// The memory of its machine.
  var memory: GuestMemory { get }

  /// Requests that are under way in the engine.
  var inFlight: Int { get }

  /// Tells that service begins.
  ///
  /// - Parameters:
  ///   - token: upper 32 bits of the tokens that the queue gives the engine; the lower 32 are a slot of its own.
  ///   - polling: whether the thread polls, so that the guest need not notify.
  func begin(token: UInt64, polling: Bool)

  /// Takes new requests, at most as many as the engine has room for and a bounded number per call, and starts
  /// them; answers at once what is done at once.
  ///
  /// - Returns: how many it took.
  func drain(engine: inout BlockEngine) -> Int

  /// Takes the result of a pending request (bytes moved, or -errno) and answers the guest.
  func complete(slot: UInt32, result: Int64)

  /// Makes this pass's answers known to the guest: index updates and interrupts that are due.
  ///
  /// - Returns: whether ``confirmWake()`` must be called later.
  @discardableResult
  func finishPass() -> Bool

  /// Makes sure that a guest which fell asleep during ``finishPass()`` is woken. Owed before the thread waits for anything,
  /// and soon in any case.
  func confirmWake()

  /// Asks the guest to notify from now on.
  ///
  /// - Returns: false where requests came in meanwhile, so that the thread must drain again before it sleeps.
  func prepareToSleep() -> Bool

  /// The thread is awake, or stays awake, after a ``prepareToSleep()``: the guest need not notify.
  func didWake()

  /// Takes back the signals of ``notificationDescriptor`` that woke the thread.
  func drainNotification()
}

/// Something that serves queues: an I/O thread, or a test that steps through it by hand.
public protocol IOQueueServer: AnyObject, Sendable {
  /// Serves `queue` from now on.
  func attach(_ queue: any IOQueue)

  /// Takes no more requests from `queue`; returns when none is under way and the server will not touch it again.
  /// Answers to requests that were under way are still given. Does nothing for a queue that is not attached.
  func detach(_ queue: any IOQueue)
}
