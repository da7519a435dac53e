import HostSystem
import Synchronization
import SystemPackage

/// Lets a kernel that panicked print its last lines: ends the machine when the console has been quiet for some time.
///
/// Linux says that it panicked before it prints all of its messages.
final class PanicDrain: Sendable {
  private struct State {
    var deadline: UInt64?
    var byteCount: UInt64 = 0
    var quietSince: UInt64 = 0
    var timer: DeviceTimer?
  }

  private static let tickNanoseconds: UInt64 = 20_000_000
  private static let quietNanoseconds: UInt64 = 250_000_000
  /// A console that is never quiet, or a reader who takes nothing, does not keep the machine alive.
  private static let limitNanoseconds: UInt64 = 3_000_000_000

  private let end: MachineEndLatch
  private let writtenByteCount: @Sendable () -> UInt64
  private let state = Mutex(State())

  /// - Parameters:
  ///   - thread: waits.
  ///   - writtenByteCount: the bytes that the guest has written to its console so far.
  init(
    thread: DeviceThread, end: MachineEndLatch, writtenByteCount: @escaping @Sendable () -> UInt64
  ) throws(Errno) {
    self.end = end
    self.writtenByteCount = writtenByteCount
    let timer = try DeviceTimer(thread: thread) { [weak self] in self?.look() }
    state.withLock { $0.timer = timer }
  }

  /// The kernel panicked. Any thread; only the first call does something.
  func begin() {
    let now = HostClock.monotonicNanoseconds()
    let byteCount = writtenByteCount()
    state.withLock { state in
      guard state.deadline == nil else { return }
      state.deadline = now + Self.limitNanoseconds
      (state.byteCount, state.quietSince) = (byteCount, now)
      state.timer?.set(nanoseconds: Self.tickNanoseconds)
    }
  }

  private func look() {
    let now = HostClock.monotonicNanoseconds()
    let byteCount = writtenByteCount()
    let isOver = state.withLock { state in
      if byteCount != state.byteCount { (state.byteCount, state.quietSince) = (byteCount, now) }
      let isOver = now >= state.quietSince + Self.quietNanoseconds || now >= state.deadline ?? 0
      if !isOver { state.timer?.set(nanoseconds: Self.tickNanoseconds) }
      return isOver
    }
    if isOver { end.end(.panicked) }
  }
}
