import HostSystem
import Synchronization
import SystemPackage

/// How the two ends of one virtqueue wake each other. It lives as long as the transport, through resets.
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

  /// Signals the notification as KVM would have done.
  func notify() { notification.signal() }

  /// Takes back notifications that came in, so that the next one wakes. The thread that serves the queue.
  public func drainNotification() { notification.drain() }

  /// Raises the queue's interrupt. Any thread.
  public func interrupt() { signals.raise(vector.load(ordering: .relaxed)) }

  /// Tells the driver to read the device's configuration again. Any thread.
  public func configurationChanged() { signals.configurationChanged() }

  /// Tells the driver that the queue has stopped and the device needs a reset. Any thread.
  public func fail(_ error: VirtqueueError) { signals.fail(error) }
}
