import CLinux
import HostSystem
import Synchronization
import SystemPackage

/// Carries console output to a descriptor: a bounded buffer that the device thread empties.
///
/// vCPU threads write; a writer that found the buffer full gets a call when there is room. Only the device thread uses
/// the descriptor, without the lock.
final class ConsoleWriter: DescriptorHandler {
  private struct State {
    var buffer: [UInt8] = []
    /// Whether the device thread is about to write the buffer, or waits for room in the descriptor.
    var isFlushing = false
    var isWatched = false
    var someoneWaits = false
    /// Whether output is discarded because there was no reader for the stall limit; ends when a reader comes.
    var isAbandoned = false
    /// Whether the descriptor takes no more output.
    var isClosed = false
    var lastByte: UInt8?
    var writtenByteCount: UInt64 = 0
    /// Bytes that may still be written; nil: any number.
    var remaining: Int?
  }

  static let capacity = 1 << 16
  /// What is written behind the last byte of a limited console.
  static let note = "\n[lkvm: the console's limit is reached; later output is dropped]\n"
  /// Maximum number of pieces in a row before other devices of the thread have their turn.
  private static let piecesPerPass = 16
  /// Time for which ``close()`` waits for a slow reader.
  private static let closingMilliseconds: Int32 = 1000

  /// Interval of retries on a descriptor that the kernel cannot watch.
  private static let retryNanoseconds: UInt64 = 10_000_000

  private let target: ConsoleDescriptor
  private let thread: DeviceThread
  private let wake: EventDescriptor
  private let stallTimer: OwnedDescriptor
  private let stallNanoseconds: UInt64?
  private let hasRoom: @Sendable () -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - stallNanoseconds: After so long without a reader, bytes are thrown away; nil: never.
  ///   - byteLimit: The most bytes that are written, but for a note at their end; the rest is thrown away. Nil: no limit.
  ///   - hasRoom: Called on the device thread after a ``write(_:)`` that took less than all.
  init(
    _ target: consuming ConsoleDescriptor, thread: DeviceThread, stallNanoseconds: UInt64? = nil,
    byteLimit: Int? = nil, hasRoom: @escaping @Sendable () -> Void
  ) throws(Errno) {
    self.target = target
    self.thread = thread
    self.stallNanoseconds = stallNanoseconds
    self.hasRoom = hasRoom
    wake = try EventDescriptor()
    stallTimer = OwnedDescriptor(adopting: try check(linux_timer_create()))
    state.withLock { $0.remaining = byteLimit }
  }

  func start() throws(Errno) {
    try thread.add(self, descriptor: wake.rawValue)
    try thread.add(self, descriptor: stallTimer.rawValue)
  }

  /// Takes as many of `bytes` as there is room for, and returns their number. Any thread.
  func write(_ bytes: [UInt8]) -> Int {
    let (count, mustWake) = state.withLock { state in
      if state.isClosed || state.isAbandoned { return (bytes.count, false) }
      if state.remaining == 0 { return (bytes.count, false) }
      let room = max(0, Self.capacity - state.buffer.count)
      let count = min(bytes.count, room, state.remaining ?? .max)
      state.buffer += bytes.prefix(count)
      if count > 0 { state.lastByte = bytes[count - 1] }
      state.writtenByteCount &+= UInt64(count)
      if let remaining = state.remaining {
        state.remaining = remaining - count
        if count == remaining { state.buffer += Array(Self.note.utf8) }
      }
      let isDone = state.remaining == 0
      if count < bytes.count, !isDone { state.someoneWaits = true }
      let mustWake = count > 0 && !state.isFlushing
      if mustWake { state.isFlushing = true }
      return (isDone ? bytes.count : count, mustWake)
    }
    if mustWake { wake.signal() }
    return count
  }

  /// Number of bytes taken so far. Any thread.
  var writtenByteCount: UInt64 { state.withLock { $0.writtenByteCount } }

  /// Whether the last written byte did not end a line. Any thread.
  var endsWithinLine: Bool {
    state.withLock { state in
      state.lastByte.map { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") } ?? false
    }
  }

  func descriptorIsReady(_ descriptor: Int32) {
    if descriptor == wake.rawValue {
      wake.drain()
    } else if descriptor == stallTimer.rawValue {
      _ = linux_eventfd_take(descriptor)
      if state.withLock({ $0.isWatched }) { return abandon() }
    }
    flush(pieces: Self.piecesPerPass)
  }

  /// Writes the remaining output for up to a second, and releases the descriptor. Later output is discarded.
  func close() {
    thread.run { [self] in
      thread.remove(descriptor: wake.rawValue)
      thread.remove(descriptor: stallTimer.rawValue)
      unwatch()
      let end = HostClock.monotonicNanoseconds() + UInt64(Self.closingMilliseconds) * 1_000_000
      while !state.withLock({ $0.buffer.isEmpty || $0.isClosed || $0.isAbandoned }),
        HostClock.monotonicNanoseconds() < end
      {
        if writePiece() == .noRoom { _ = linux_wait_writable(target.rawValue, Self.closingMilliseconds) }
      }
      state.withLock { state in
        state.isClosed = true
        state.buffer = []
      }
    }
  }

  private enum Outcome {
    case written
    case empty
    case noRoom
    case broken
  }

  private func flush(pieces: Int) {
    for _ in 0..<pieces {
      switch writePiece() {
      case .written: continue
      case .empty, .broken: return unwatch()
      case .noRoom: return watch()
      }
    }
    wake.signal()
  }

  private func writePiece() -> Outcome {
    let piece = state.withLock { state in
      if state.buffer.isEmpty { state.isFlushing = false }
      return Array(state.buffer.prefix(target.writeLimit))
    }
    guard !piece.isEmpty else { return .empty }
    do throws(Errno) {
      took(try target.write(piece))
      return .written
    } catch .resourceTemporarilyUnavailable {
      return .noRoom
    } catch {
      // There will be no reader any more; the guest continues without one.
      state.withLock { state in
        state.isClosed = true
        state.buffer = []
      }
      tellWhoWaits()
      return .broken
    }
  }

  private func took(_ byteCount: Int) {
    let mustTell = state.withLock { state in
      state.buffer.removeFirst(byteCount)
      state.isAbandoned = false
      return state.someoneWaits && state.buffer.count <= Self.capacity / 2
    }
    if mustTell { tellWhoWaits() }
  }

  private func tellWhoWaits() {
    let someoneWaits = state.withLock { state in
      defer { state.someoneWaits = false }
      return state.someoneWaits
    }
    if someoneWaits { hasRoom() }
  }

  /// Discards output, because the descriptor took none for the stall limit.
  private func abandon() {
    state.withLock { $0.isAbandoned = true }
    tellWhoWaits()
  }

  private func watch() {
    var delay = stallNanoseconds ?? 0
    if !state.withLock({ $0.isWatched }) {
      do throws(Errno) {
        try thread.add(self, descriptor: target.rawValue, interest: .writable)
        state.withLock { $0.isWatched = true }
      } catch {
        delay = Self.retryNanoseconds
      }
    }
    _ = linux_timer_set(stallTimer.rawValue, delay)
  }

  private func unwatch() {
    guard state.withLock({ $0.isWatched }) else { return }
    thread.remove(descriptor: target.rawValue)
    state.withLock { $0.isWatched = false }
    _ = linux_timer_set(stallTimer.rawValue, 0)
  }
}
