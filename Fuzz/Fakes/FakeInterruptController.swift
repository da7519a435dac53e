import Hypervisor
import Synchronization
import SystemPackage

/// Stands for what KVM does with interrupts and notifications, and notes what must not happen.
final class FakeInterruptController: MessageInterruptRouter, NotificationRegistrar {
  private struct State {
    var routeCount: UInt32 = 0
    var writes: Set<WatchedWrite> = []
    var active: Set<UInt32> = []
    var violations: [String] = []
  }

  private final class Line: InterruptLine {
    private let controller: FakeInterruptController
    private let gsi: UInt32

    init(controller: FakeInterruptController, gsi: UInt32) {
      self.controller = controller
      self.gsi = gsi
    }

    func set(active: Bool) {
      controller.state.withLock { state in
        if active { state.active.insert(gsi) } else { state.active.remove(gsi) }
      }
    }
  }

  private let state = Mutex(State())

  /// The lines that are asserted.
  var activeLines: Set<UInt32> { state.withLock { $0.active } }

  /// Writes that are watched.
  var watchedWrites: Set<WatchedWrite> { state.withLock { $0.writes } }

  /// What was done that no host may do.
  var violations: [String] { state.withLock { $0.violations } }

  func line(_ gsi: UInt32) -> any InterruptLine { Line(controller: self, gsi: gsi) }

  func addRoute(eventDescriptor: Int32) throws(Errno) -> UInt32 {
    state.withLock { state in
      state.routeCount += 1
      return state.routeCount
    }
  }

  /// As KVM does, refuses addresses outside of the interrupt window of the local APICs.
  func setMessage(_ message: InterruptMessage, ofRoute route: UInt32) throws(Errno) {
    guard message.address >> 20 == 0xFEE else { throw .invalidArgument }
  }

  func removeRoute(_ route: UInt32, eventDescriptor: Int32) {}

  func addNotification(_ write: WatchedWrite, eventDescriptor: Int32) throws(Errno) {
    state.withLock { state in
      if !state.writes.insert(write).inserted { state.violations.append("\(write) is watched twice") }
    }
  }

  func removeNotification(_ write: WatchedWrite, eventDescriptor: Int32) {
    state.withLock { state in
      if state.writes.remove(write) == nil { state.violations.append("\(write) was not watched") }
    }
  }
}
