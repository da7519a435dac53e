import Synchronization
import SystemPackage

/// Serves one virtqueue on a device thread: calls a device's function whenever the driver may have added chains.
public final class VirtqueueService: DescriptorHandler {
  private let queue: ServedVirtqueue
  private let thread: DeviceThread
  private let serve: @Sendable (ServedVirtqueue) -> Void
  private let isRunning = Atomic<Bool>(false)

  /// Makes a service that does not run yet.
  ///
  /// - Parameter serve: takes and completes chains until ``ServedVirtqueue/next()`` finds none. It may stop earlier to
  ///   wait for another event (a receive queue for data), and must then arrange a later ``kick()``. The service calls it
  ///   on `thread` and publishes its completions.
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

  /// Starts to serve, beginning with chains that are there already.
  ///
  /// - Throws: ENOSPC or ENOMEM if the kernel can watch no more descriptors.
  public func start() throws(Errno) {
    // Before the descriptor is watched, because an event may call at once.
    isRunning.store(true, ordering: .relaxed)
    do throws(Errno) {
      try thread.add(self, descriptor: queue.notificationDescriptor)
    } catch {
      isRunning.store(false, ordering: .relaxed)
      throw error
    }
    kick()
  }

  /// Starts to serve, or reports a stopped queue to the driver if the kernel can watch no more descriptors.
  public func startOrFail() {
    do throws(Errno) {
      try start()
    } catch {
      queue.fail(.hostExhausted)
    }
  }

  /// Stops serving; returns when the device's function is not running.
  ///
  /// A later ``kick()`` has no effect, because the queue's memory may have another use by then.
  public func stop() {
    thread.run { [self] in
      thread.remove(descriptor: queue.notificationDescriptor)
      isRunning.store(false, ordering: .relaxed)
    }
  }

  /// Calls the device's function because there is data for the driver. Returns when it is done.
  public func kick() { thread.run { [self] in pass() } }

  /// Called when the driver has notified.
  public func descriptorIsReady(_ descriptor: Int32) {
    queue.drainNotification()
    pass()
  }

  /// Tells the driver to read the device's configuration again.
  public func configurationChanged() { queue.configurationChanged() }

  private func pass() {
    // The serving thread also stops the service, so that this cannot change during the pass.
    guard isRunning.load(ordering: .relaxed) else { return }
    queue.suppressNotifications()
    serve(queue)
    queue.publish()
    // A device that left chains waits for another event, upon which it is kicked. Otherwise a chain that came in after
    // the last poll has not notified: let the descriptor wake the thread again, so that a guest that never stops adding
    // chains leaves other devices their turn.
    if queue.wasEmptied, !queue.requestNotifications() { queue.notifyAgain() }
  }
}
