import Hypervisor
import Synchronization

/// A console device that remembers what it received and takes as much as a test allows.
final class FakeConsoleDevice: ConsoleDevice {
  private struct State {
    var received: [UInt8] = []
    var room = Int.max
    var breakCount = 0
    var roomCalls = 0
    var sizes: [ConsoleSize] = []
  }

  private let state = Mutex(State())

  init(room: Int = .max) { state.withLock { $0.room = room } }

  /// What came in, a break as FFh.
  var received: [UInt8] { state.withLock { $0.received } }

  /// How often the endpoint said that it has room again.
  var roomCalls: Int { state.withLock { $0.roomCalls } }

  /// The sizes that the host announced.
  var sizes: [ConsoleSize] { state.withLock { $0.sizes } }

  /// Takes `byteCount` more bytes.
  func allow(_ byteCount: Int) { state.withLock { $0.room = byteCount } }

  func receive(_ bytes: [UInt8]) -> Int {
    state.withLock { state in
      let count = min(bytes.count, state.room)
      state.received += bytes.prefix(count)
      if state.room != .max { state.room -= count }
      return count
    }
  }

  func endpointHasRoom() { state.withLock { $0.roomCalls += 1 } }

  @discardableResult
  func injectBreak() -> Bool {
    state.withLock { $0.received.append(0xFF) }
    return true
  }

  @discardableResult
  func sysRq(_ character: UInt8) -> Bool { false }

  func windowSizeChanged(_ size: ConsoleSize) { state.withLock { $0.sizes.append(size) } }
}
