/// The notifications and interrupts of a virtqueue that an I/O thread serves: a device's of this process, or those of a vhost-user
/// front end.
protocol VirtqueuePort: AnyObject, Sendable {
  /// The eventfd that the driver's notification signals; nil for a queue that can only be polled.
  var doorbellDescriptor: Int32? { get }

  /// Clears the notification, so that the next one wakes the thread.
  func drainNotification()

  /// Raises the queue's interrupt. Never blocks.
  func interrupt()

  /// Reports that the queue has stopped because of the driver's violation. Never blocks.
  func fail(_ error: VirtqueueError)
}

extension VirtqueueChannel: VirtqueuePort {
  var doorbellDescriptor: Int32? { notificationDescriptor }
}
