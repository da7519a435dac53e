import Glibc
import HostSystem
import Logging
import Synchronization
import SystemPackage

/// Writes lines on a thread of its own, so that an I/O thread, which serves many machines, never waits for whoever reads
/// the host's standard error.
///
/// Any thread may call any method.
final class LogWriter: Sendable {
  /// Where vext devices' lines go.
  static let shared = LogWriter { Logger(label: "vext").warning("\($0)") }

  /// Lines that wait at most; further ones are dropped, as is said once there is room again.
  private static let lineLimit = 1024

  private struct State {
    var lines: [String] = []
    var droppedCount = 0
    var isWriting = false
    var isEnded = false
  }

  /// What the thread and the writer share: the thread keeps no writer alive.
  private final class Core: Sendable {
    let state = Mutex(State())
    let wake: EventDescriptor

    init(wake: consuming EventDescriptor) { self.wake = wake }

    /// Writes what comes until the writer is gone.
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

  /// Nil on a host that can have no more threads or descriptors: there the lines are lost, and nothing else.
  private let core: Core?

  /// A writer whose thread hands each line to `sink`, which may block.
  init(_ sink: @escaping @Sendable (String) -> Void) {
    do throws(Errno) {
      let core = Core(wake: try EventDescriptor())
      // Detached: it ends by itself after the writer.
      _ = try HostThread(name: "log", cpus: nil) { core.run(sink) }
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

  /// Leaves `line` to the thread; does not block for longer than an array grows.
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

  /// Blocks until all that was left to the thread is written, or a tenth of a second has passed: before the process ends.
  ///
  /// - Returns: Whether it is.
  @discardableResult
  func flush() -> Bool {
    guard let core else { return false }
    for _ in 0..<100 {
      if core.state.withLock({ $0.lines.isEmpty && !$0.isWriting }) { return true }
      usleep(1000)
    }
    return false
  }
}
