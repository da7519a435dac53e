import SystemPackage

/// Serves one virtqueue on a device thread: calls a device's function whenever the driver may have added chains.
public final class VirtqueueService: DescriptorHandler {
  private let queue: ServedVirtqueue
  private let thread: DeviceThread
  private let serve: @Sendable (ServedVirtqueue) -> Void

  /// A service that does not run yet.
  ///
  /// - Parameter serve: takes and completes chains until ``ServedVirtqueue/next()`` finds none, or until it waits for something
  ///   else (a receive queue for data), in which case it sees to a later ``kick()``; called on `thread`, it need not
  ///   publish.
  public init(
    _ binding: VirtioQueueBinding, memory: GuestMemory, thread: DeviceThread, chainLimit: Int = 1024,
    serve: @escaping @Sendable (ServedVirtqueue) -> Void
  ) {
    queue = ServedVirtqueue(binding, memory: memory, chainLimit: chainLimit)
    self.thread = thread
    self.serve = serve
  }

  /// The queue's number.
  public var index: Int { queue.index }

  /// Serves from now on, with what is there already.
  ///
  /// - Throws: ENOSPC or ENOMEM where the kernel can watch no more descriptors.
  public func start() throws(Errno) {
    try thread.add(self, descriptor: queue.notificationDescriptor)
    kick()
  }

  /// Serves no more; returns when the device's function is not running.
  public func stop() { thread.remove(descriptor: queue.notificationDescriptor) }

  /// Calls the device's function, because there is something for the driver. Returns when it is done.
  public func kick() { thread.run { [self] in pass() } }

  /// The driver notified.
  public func descriptorIsReady(_ descriptor: Int32) {
    queue.drainNotification()
    pass()
  }

  /// Tells the driver to read the device's configuration again.
  public func configurationChanged() { queue.configurationChanged() }

  private func pass() {
    queue.suppressNotifications()
    serve(queue)
    queue.publish()
    // A device that left chains waits for something else than the driver, and is kicked when that comes. Otherwise a
    // chain that came in after the last look has not notified: let the descriptor wake the thread again, so that a
    // guest that never stops adding leaves other devices their turn.
    if queue.wasEmptied, !queue.requestNotifications() { queue.notifyAgain() }
  }
}
