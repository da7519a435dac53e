import Glibc
import Hypervisor
import Synchronization
import SystemPackage

/// Stands for KVM's irqfd and ioeventfd: counts interrupts, finds the eventfd that a guest's write signals, and notes what a host
/// must not do.
package final class VirtioEventRecorder: MessageInterruptRouter, NotificationRegistrar {
  private struct State {
    var routes: [Int32] = []
    var messages: [UInt32: InterruptMessage] = [:]
    var notifications: [WatchedWrite: Int32] = [:]
    var violations: [String] = []
  }

  private let state = Mutex(State())
  private let checksMessages: Bool

  /// - Parameter checksMessages: whether to refuse, as KVM does, messages to addresses other than those of local APICs.
  package init(checksMessages: Bool = false) { self.checksMessages = checksMessages }

  package func addRoute(eventDescriptor: Int32) throws(Errno) -> UInt32 {
    state.withLock { state in
      state.routes.append(eventDescriptor)
      return UInt32(state.routes.count - 1)
    }
  }

  package func setMessage(_ message: InterruptMessage, ofRoute route: UInt32) throws(Errno) {
    guard !checksMessages || message.address >> 20 == 0xFEE else { throw .invalidArgument }
    state.withLock { $0.messages[route] = message }
  }

  package func removeRoute(_ route: UInt32, eventDescriptor: Int32) {}

  package func addNotification(_ write: WatchedWrite, eventDescriptor: Int32) throws(Errno) {
    state.withLock { state in
      if state.notifications.updateValue(eventDescriptor, forKey: write) != nil {
        state.violations.append("\(write) is watched twice")
      }
    }
  }

  package func removeNotification(_ write: WatchedWrite, eventDescriptor: Int32) {
    state.withLock { state in
      if state.notifications.removeValue(forKey: write) == nil {
        state.violations.append("\(write) was not watched")
      }
    }
  }

  /// The calls that no host may make: a write that is watched twice, or the end of a watch that does not exist.
  package var violations: [String] { state.withLock { $0.violations } }

  /// How many routes there have been.
  package var routeCount: Int { state.withLock { $0.routes.count } }

  /// How many writes are watched.
  package var notificationCount: Int { state.withLock { $0.notifications.count } }

  /// The eventfd that any write to `address` signals.
  package func notification(at address: UInt64) -> Int32? {
    state.withLock { $0.notifications[WatchedWrite(space: .memory, address: address)] }
  }

  /// The eventfd that a 16-bit write of `value` to `port` signals.
  package func notification(atPort port: UInt64, value: UInt64) -> Int32? {
    let write = WatchedWrite(space: .port, address: port, condition: .init(byteCount: 2, value: value))
    return state.withLock { $0.notifications[write] }
  }

  /// How often route `route` fired since the last call.
  package func takeInterrupts(_ route: Int) -> UInt64 { Self.take(state.withLock { $0.routes[route] }) }

  /// Waits up to ten seconds for route `route` to fire, as a halted vCPU does.
  package func waitForInterrupt(_ route: Int) -> Bool {
    let event = state.withLock { $0.routes[route] }
    var watched = pollfd(fd: event, events: Int16(POLLIN), revents: 0)
    // SAFETY: one entry, as the count says.
    guard unsafe poll(&watched, 1, 10_000) == 1 else { return false }
    return Self.take(event) > 0
  }

  /// Takes an eventfd's counter.
  package static func take(_ eventDescriptor: Int32) -> UInt64 {
    var count: UInt64 = 0
    // SAFETY: the buffer is the eight bytes that an eventfd wants.
    return unsafe read(eventDescriptor, &count, 8) == 8 ? count : 0
  }

  /// Adds one to an eventfd's counter, as KVM does.
  package static func signal(_ eventDescriptor: Int32) {
    var one: UInt64 = 1
    // SAFETY: the buffer is the eight bytes that an eventfd wants.
    _ = unsafe write(eventDescriptor, &one, 8)
  }
}
