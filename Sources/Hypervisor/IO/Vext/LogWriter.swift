import Glibc
import HostSystem
import Logging
import Synchronization
import SystemPackage

/// Writes log lines on its own thread. Any thread may call any method.
///
/// An I/O thread serves many machines and must never wait until the reader of standard error makes room.
final class LogWriter: Sendable {
  /// The writer of all vext devices.
  static let shared = LogWriter { Logger(label: "vext").warning("\($0)") }

  /// Maximum number of waiting lines; the writer drops further lines, and reports their number once there is room again.
  private static let lineLimit = 1024

  private struct State {
    var lines: [String] = []
    var droppedCount = 0
    var isWriting = false
    var isEnded = false
  }

  /// The state that the thread and the writer share, so that the thread keeps no writer alive.
  private final class Core: Sendable {
    let state = Mutex(State())
    let wake: EventDescriptor

    init(wake: consuming EventDescriptor) { self.wake = wake }

    /// Writes lines until the writer is released.
    func run(_ sink: (String) -> Void) {
      while true {
        let (lines, isEnded) = state.withLock { state in
          var lines = state.lines
          if state.droppedCount > 0 { lines.append("\(state.droppedCount) messages were left out") }
          state.lines = []
          state.droppedCount = 0
          state.isWriting = !lines.isEmpty
          return (lines, state.isEnded)
        }
        for line in lines { sink(line) }
        guard lines.isEmpty else { continue }
        if isEnded { return }
        wake.wait()
        _ = wake.drain()
      }
    }
  }

  /// Nil if the host has no more threads or descriptors; the lines are lost then.
  private let core: Core?

  /// A writer whose thread hands each line to `sink`, which may block.
  init(_ sink: @escaping @Sendable (String) -> Void) {
    do throws(Errno) {
      let core = Core(wake: try EventDescriptor())
      // Detached: it ends by itself after the writer.
      _ = try HostThread(name: "log", cpus: nil, kind: .watcher) { core.run(sink) }
      self.core = core
    } catch {
      core = nil
    }
  }

  deinit {
    guard let core else { return }
    core.state.withLock { $0.isEnded = true }
    core.wake.signal()
  }

  /// Hands `line` to the thread. Blocks no longer than an array takes to grow.
  func write(_ line: String) {
    guard let core else { return }
    core.state.withLock { state in
      guard state.lines.count < Self.lineLimit else {
        state.droppedCount += 1
        return
      }
      state.lines.append(line)
    }
    core.wake.signal()
  }

  /// Blocks until all lines are written, for at most 0.1 s. Call it before the process ends.
  ///
  /// - Returns: whether all lines are written.
  @discardableResult
  func flush() -> Bool {
    guard let core else { return false }
    let isWritten = HostClock.waitForValue(every: 1_000_000, timeoutNanoseconds: 100_000_000) {
      core.state.withLock { $0.lines.isEmpty && !$0.isWriting } ? true : nil
    }
    return isWritten ?? false
  }
}
