import HostSystem
import Synchronization
import SystemPackage
import VextProtocol

/// The contention words of a machine's queues that vextd serves (docs/vext-protocol.md §8.2). Any thread.
///
/// The VMM writes them, because it has the vCPU threads.
final class VextServiceContention: Sendable {
  /// The word of a queue, in memory that stays mapped.
  private struct Word: @unchecked Sendable {
    private let memory: GuestMemory
    private var publisher: VextContentionPublisher

    init(_ publisher: VextContentionPublisher, memory: GuestMemory) {
      self.publisher = publisher
      self.memory = memory
    }

    mutating func publish(isShared: Bool) { publisher.publish(isShared: isShared) }
  }

  private struct State {
    /// The machine's; known once a queue of its function is enabled.
    var source: CPUContention?
    var words: [UInt16: Word] = [:]
  }

  /// Between two measurements while threads wait for CPUs, and while none does, in milliseconds.
  private static let shortPause: Int32 = 10
  private static let longPause: Int32 = 100

  /// Signalled when there is a first word to write.
  let changed: EventDescriptor
  private let state = Mutex(State())

  init() throws(Errno) { changed = try EventDescriptor() }

  /// Writes the word of `queue` from now on, if its driver accepted CONTENTION. The service has accepted the queue.
  func begin(_ queue: UInt16, _ registration: VextServiceRegistration, memory: GuestMemory) {
    guard registration.setup.features.contains(.contention), let source = registration.contention,
      let block = GuestWakeBlock(at: GuestAddress(registration.setup.wakeBlock), in: memory.map)
    else { return }
    state.withLock { state in
      state.source = source
      state.words[queue] = Word(block.contention(), memory: memory)
    }
    changed.signal()
  }

  /// Writes the word of `queue` no more.
  func end(_ queue: UInt16) { state.withLock { $0.words[queue] = nil } }

  /// Measures, and writes the words that change.
  ///
  /// - Returns: after how many milliseconds to do so again; -1: when ``changed`` is signalled.
  func publish() -> Int32 {
    let (source, isUsed) = state.withLock { ($0.source, !$0.words.isEmpty) }
    guard let source, isUsed else { return -1 }
    let isShared = source.isShared(at: HostClock.monotonicNanoseconds())
    state.withLock { state in
      for queue in state.words.keys { state.words[queue]?.publish(isShared: isShared) }
    }
    return source.isCalm ? Self.longPause : Self.shortPause
  }
}
