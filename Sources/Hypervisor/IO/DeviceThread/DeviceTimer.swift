import CLinux
import HostSystem
import SystemPackage

/// A timer that a device thread waits for.
final class DeviceTimer: DescriptorHandler {
  private let descriptor: OwnedDescriptor
  private let expired: @Sendable () -> Void

  /// A timer that is not set. It lasts until `thread` ends.
  ///
  /// - Parameter expired: called on the thread.
  init(thread: DeviceThread, expired: @escaping @Sendable () -> Void) throws(Errno) {
    descriptor = OwnedDescriptor(adopting: try check(linux_timer_create()))
    self.expired = expired
    try thread.add(self, descriptor: descriptor.rawValue)
  }

  /// Expires once after `nanoseconds`, or not at all where that is nil. Any thread.
  func set(nanoseconds: UInt64?) {
    // Zero would stop the timer. Valid arguments do not fail.
    _ = linux_timer_set(descriptor.rawValue, nanoseconds.map { max($0, 1) } ?? 0)
  }

  func descriptorIsReady(_ descriptor: Int32) {
    _ = linux_eventfd_take(descriptor)
    expired()
  }
}
