import Hypervisor
import Synchronization

/// An endpoint that remembers what it was given and takes as much as a test allows.
final class FakeConsoleEndpoint: ConsoleEndpoint {
  private struct State {
    var written: [UInt8] = []
    var room = Int.max
    var roomCalls = 0
    var windowSize: ConsoleSize?
  }

  private let state = Mutex(State())

  init(room: Int = .max, windowSize: ConsoleSize? = nil) {
    state.withLock { $0 = State(room: room, windowSize: windowSize) }
  }

  var windowSize: ConsoleSize? { state.withLock { $0.windowSize } }

  /// What the device wrote.
  var written: [UInt8] { state.withLock { $0.written } }

  /// How often the device said that it has room again.
  var roomCalls: Int { state.withLock { $0.roomCalls } }

  /// Takes `byteCount` more bytes.
  func allow(_ byteCount: Int) { state.withLock { $0.room = byteCount } }

  func attach(_ device: any ConsoleDevice) {}

  func write(_ bytes: [UInt8]) -> Int {
    state.withLock { state in
      let count = min(bytes.count, state.room)
      state.written += bytes.prefix(count)
      if state.room != .max { state.room -= count }
      return count
    }
  }

  func deviceHasRoom() { state.withLock { $0.roomCalls += 1 } }
}
