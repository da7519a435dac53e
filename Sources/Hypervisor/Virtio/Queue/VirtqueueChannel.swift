import HostSystem
import Synchronization
import SystemPackage

/// The notifications and interrupts of one virtqueue. It lives as long as the transport, through resets.
public final class VirtqueueChannel: Sendable {
  /// The vector of the queue's interrupt.
  let vector = Atomic<UInt16>(VirtioSignals.noVector)
  private let notification: EventDescriptor
  private let signals: VirtioSignals

  init(signals: VirtioSignals) throws(Errno) {
    notification = try EventDescriptor()
    self.signals = signals
  }

  /// The eventfd that the driver's notification signals.
  public var notificationDescriptor: Int32 { notification.rawValue }

  /// Signals the notification's eventfd, as KVM does.
  func notify() { notification.signal() }

  /// Clears the notification, so that the next one wakes the thread. Only the thread that serves the queue.
  public func drainNotification() { notification.drain() }

  /// Raises the queue's interrupt. Any thread.
  public func interrupt() { signals.raise(vector.load(ordering: .relaxed)) }

  /// The eventfd that is the queue's interrupt, for another process; nil where this process must raise it.
  var sharedInterruptDescriptor: Int32? {
    signals.sharedEventDescriptor(of: vector.load(ordering: .relaxed))
  }

  /// Tells the driver to read the device's configuration again. Any thread.
  public func configurationChanged() { signals.configurationChanged() }

  /// Reports to the driver that the queue has stopped and the device needs a reset. Any thread.
  public func fail(_ error: VirtqueueError) { signals.fail(error) }
}
