import HostSystem
import Synchronization
import SystemPackage

/// Carries console input from a descriptor to a device.
///
/// The device thread reads the input and hands it on; it keeps the part that does not fit until there is room.
final class ConsoleReader: DescriptorHandler {
  /// What happens to input that the device has no room for.
  enum Overflow {
    /// The input stays in the descriptor, and a pipe's writer waits.
    case waits
    /// Reading continues, because the escape key must work while the guest hangs; keys beyond the limit are lost.
    case drops
  }

  private struct State {
    var pending: [ConsoleInput] = []
    var isWatched = false
    /// Whether reading waits for ``ConsoleReader/release()``.
    var isHeld: Bool
    /// Whether the kernel cannot watch the descriptor because it never blocks: a regular file, or /dev/null.
    var isAlwaysReady = false
    var hasEnded = false
  }

  static let pendingLimit = 4096
  private static let pieceByteCount = 256
  private static let piecesPerPass = 16

  private let source: ConsoleDescriptor
  private let thread: DeviceThread
  private let overflow: Overflow
  private let wake: EventDescriptor
  private let translate: @Sendable ([UInt8]) -> [ConsoleInput]
  private let endMark: [ConsoleInput]
  private let deliver: @Sendable (ArraySlice<ConsoleInput>) -> Int
  /// Only the device thread changes it. The lock satisfies the compiler, and is not held during calls.
  private let state: Mutex<State>

  /// - Parameters:
  ///   - isHeld: Whether nothing is read before ``release()``.
  ///   - endMark: What the device is sent for the end of the source.
  ///   - translate: Makes input of bytes, and acts on those that mean something to the terminal itself.
  ///   - deliver: Hands input to the device and returns how much of it was taken. Both are called on the device thread.
  init(
    _ source: consuming ConsoleDescriptor, thread: DeviceThread, overflow: Overflow,
    isHeld: Bool = false, endMark: [ConsoleInput] = [],
    translate: @escaping @Sendable ([UInt8]) -> [ConsoleInput],
    deliver: @escaping @Sendable (ArraySlice<ConsoleInput>) -> Int
  ) throws(Errno) {
    self.source = source
    self.thread = thread
    self.overflow = overflow
    self.endMark = endMark
    state = Mutex(State(isHeld: isHeld))
    self.translate = translate
    self.deliver = deliver
    wake = try EventDescriptor()
  }

  func start() throws(Errno) {
    try thread.add(self, descriptor: wake.rawValue)
    wake.signal()
  }

  /// Delivers pending input, for which the device may have room now. Any thread.
  func resume() { wake.signal() }

  /// Starts reading. Any thread; a second call has no effect.
  func release() {
    state.withLock { $0.isHeld = false }
    wake.signal()
  }

  /// Stops reading.
  func close() {
    thread.run { [self] in
      thread.remove(descriptor: wake.rawValue)
      end()
    }
  }

  func descriptorIsReady(_ descriptor: Int32) {
    if descriptor == wake.rawValue { wake.drain() }
    handOn()
    let pieces = state.withLock { $0.isAlwaysReady } ? Self.piecesPerPass : 1
    // A wake-up alone does not mean that the source is readable.
    if descriptor == source.rawValue || pieces > 1 {
      for _ in 0..<pieces where mayRead { readPiece() }
    }
    settle()
  }

  private var mayRead: Bool {
    state.withLock { !$0.hasEnded && !$0.isHeld && (overflow == .drops || $0.pending.isEmpty) }
  }

  private func readPiece() {
    do throws(Errno) {
      let bytes = try source.read(Self.pieceByteCount)
      guard !bytes.isEmpty else { return endOfSource() }
      let input = translate(bytes)
      state.withLock { state in
        state.pending += input.prefix(Self.pendingLimit - min(Self.pendingLimit, state.pending.count))
      }
      handOn()
    } catch .resourceTemporarilyUnavailable {
      return
    } catch {
      // A terminal that hung up counts as the end of the input.
      endOfSource()
    }
  }

  private func endOfSource() {
    guard !state.withLock({ $0.hasEnded }) else { return }
    end()
    state.withLock { $0.pending += endMark }
    handOn()
  }

  private func handOn() {
    let pending = state.withLock { $0.pending }
    guard !pending.isEmpty else { return }
    let count = deliver(pending[...])
    state.withLock { $0.pending.removeFirst(min(max(0, count), $0.pending.count)) }
  }

  /// Watches the source while its input is wanted.
  ///
  /// A source that is not read must not be watched at all, because the kernel reports errors and a peer's end whatever
  /// the interest.
  private func settle() {
    let state = state.withLock { $0 }
    if state.isAlwaysReady {
      if mayRead { wake.signal() }
    } else if mayRead, !state.isWatched {
      watch()
    } else if !mayRead, state.isWatched {
      unwatch()
    }
  }

  private func watch() {
    do throws(Errno) {
      try thread.add(self, descriptor: source.rawValue)
      state.withLock { $0.isWatched = true }
    } catch {
      // EPERM: the descriptor never blocks. Reading shows any other problem.
      state.withLock { $0.isAlwaysReady = true }
      wake.signal()
    }
  }

  private func unwatch() {
    thread.remove(descriptor: source.rawValue)
    state.withLock { $0.isWatched = false }
  }

  private func end() {
    if state.withLock({ $0.isWatched }) { unwatch() }
    state.withLock { $0.hasEnded = true }
  }
}
