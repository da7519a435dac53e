import Glibc
import Hypervisor
import Synchronization
import SystemPackage

/// Stands for KVM's irqfd and ioeventfd: interrupts are counted, and a guest's write finds the eventfd that it
/// signals.
final class VirtioEventRecorder: MessageInterruptRouter, NotificationRegistrar {
  private struct State {
    var routes: [Int32] = []
    var messages: [UInt32: InterruptMessage] = [:]
    var notifications: [WatchedWrite: Int32] = [:]
  }

  private let state = Mutex(State())

  func addRoute(eventDescriptor: Int32) throws(Errno) -> UInt32 {
    state.withLock { state in
      state.routes.append(eventDescriptor)
      return UInt32(state.routes.count - 1)
    }
  }

  func setMessage(_ message: InterruptMessage, ofRoute route: UInt32) throws(Errno) {
    state.withLock { $0.messages[route] = message }
  }

  func removeRoute(_ route: UInt32, eventDescriptor: Int32) {}

  func addNotification(_ write: WatchedWrite, eventDescriptor: Int32) throws(Errno) {
    state.withLock { $0.notifications[write] = eventDescriptor }
  }

  func removeNotification(_ write: WatchedWrite, eventDescriptor: Int32) {
    state.withLock { $0.notifications[write] = nil }
  }

  /// How many routes there have been.
  var routeCount: Int { state.withLock { $0.routes.count } }

  /// How many writes are watched.
  var notificationCount: Int { state.withLock { $0.notifications.count } }

  /// The eventfd that any write to `address` signals.
  func notification(at address: UInt64) -> Int32? {
    state.withLock { $0.notifications[WatchedWrite(space: .memory, address: address)] }
  }

  /// The eventfd that a 16-bit write of `value` to `port` signals.
  func notification(atPort port: UInt64, value: UInt64) -> Int32? {
    let write = WatchedWrite(space: .port, address: port, condition: .init(byteCount: 2, value: value))
    return state.withLock { $0.notifications[write] }
  }

  /// How often route `route` fired since the last call.
  func takeInterrupts(_ route: Int) -> UInt64 { Self.take(state.withLock { $0.routes[route] }) }

  /// Waits up to ten seconds for route `route` to fire, as a halted vCPU does.
  func waitForInterrupt(_ route: Int) -> Bool {
    let event = state.withLock { $0.routes[route] }
    var watched = pollfd(fd: event, events: Int16(POLLIN), revents: 0)
    // SAFETY: one entry, as the count says.
    guard unsafe poll(&watched, 1, 10_000) == 1 else { return false }
    return Self.take(event) > 0
  }

  /// Takes an eventfd's counter.
  static func take(_ eventDescriptor: Int32) -> UInt64 {
    var count: UInt64 = 0
    // SAFETY: the buffer is the eight bytes that an eventfd wants.
    return unsafe read(eventDescriptor, &count, 8) == 8 ? count : 0
  }

  /// Adds one to an eventfd's counter, as KVM does.
  static func signal(_ eventDescriptor: Int32) {
    var one: UInt64 = 1
    // SAFETY: the buffer is the eight bytes that an eventfd wants.
    _ = unsafe write(eventDescriptor, &one, 8)
  }
}
