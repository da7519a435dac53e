import Synchronization
import SystemPackage

/// Serves one virtqueue on a device thread: calls a device's function whenever the driver may have added chains.
public final class VirtqueueService: DescriptorHandler {
  private let queue: ServedVirtqueue
  private let thread: DeviceThread
  private let serve: @Sendable (ServedVirtqueue) -> Void
  private let isRunning = Atomic<Bool>(false)

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
    // Before the descriptor is watched: an event calls at once.
    isRunning.store(true, ordering: .relaxed)
    do throws(Errno) {
      try thread.add(self, descriptor: queue.notificationDescriptor)
    } catch {
      isRunning.store(false, ordering: .relaxed)
      throw error
    }
    kick()
  }

  /// Serves from now on, or tells the driver that the queue has stopped, where the kernel can watch no more
  /// descriptors.
  public func startOrFail() {
    do throws(Errno) {
      try start()
    } catch {
      queue.fail(.hostExhausted)
    }
  }

  /// Serves no more; returns when the device's function is not running. A later ``kick()`` does nothing: the queue's
  /// memory may be something else by then.
  public func stop() {
    thread.run { [self] in
      thread.remove(descriptor: queue.notificationDescriptor)
      isRunning.store(false, ordering: .relaxed)
    }
  }

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
    // The thread that serves also stops, so that nothing can change in between.
    guard isRunning.load(ordering: .relaxed) else { return }
    queue.suppressNotifications()
    serve(queue)
    queue.publish()
    // A device that left chains waits for something else than the driver, and is kicked when that comes. Otherwise a
    // chain that came in after the last look has not notified: let the descriptor wake the thread again, so that a
    // guest that never stops adding leaves other devices their turn.
    if queue.wasEmptied, !queue.requestNotifications() { queue.notifyAgain() }
  }
}
