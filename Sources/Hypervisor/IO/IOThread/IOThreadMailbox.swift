import HostSystem
import Synchronization

/// What an I/O thread can be told.
enum IOThreadAction: Sendable {
  case attach(any IOQueue)
  case detach(any IOQueue)
  case register(DiskImage, GuestMemory?)
  case stop
}

/// A message and whether it has been acted upon.
final class IOThreadCommand: Sendable {
  let message: IOThreadAction
  private let isDone = Atomic<Bool>(false)

  init(_ message: IOThreadAction) { self.message = message }

  /// The I/O thread: lets the sender go on. Pairs with the acquire load in ``waitUntilDone()``.
  func markDone() { isDone.store(true, ordering: .releasing) }

  /// The sender: waits, asleep for 20 us at a time. Control path, once per registration of a queue.
  func waitUntilDone() {
    while !isDone.load(ordering: .acquiring) { HostClock.sleep(nanoseconds: 20_000) }
  }
}

/// The one way to tell a running I/O thread something. Any thread posts, the I/O thread takes.
final class IOThreadMailbox: Sendable {
  private struct State {
    var commands: [IOThreadCommand] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  private let hasCommandsFlag = Atomic<Bool>(false)
  private let event: EventDescriptor

  init(event: consuming EventDescriptor) { self.event = event }

  /// Signalled with each message, for a thread that sleeps.
  var eventDescriptor: Int32 { event.rawValue }

  /// Whether there is something to take; one load, for each pass of a polling thread.
  var hasCommands: Bool { hasCommandsFlag.load(ordering: .acquiring) }

  /// Posts `message` and waits until the I/O thread has acted upon it; returns at once if the thread has ended.
  func send(_ message: IOThreadAction) { post(message)?.waitUntilDone() }

  /// Posts `message`.
  ///
  /// - Returns: what to wait for, or nil if the thread has ended.
  @discardableResult
  func post(_ message: IOThreadAction) -> IOThreadCommand? {
    let command: IOThreadCommand? = state.withLock { state in
      if state.isClosed { return nil }
      let command = IOThreadCommand(message)
      state.commands.append(command)
      hasCommandsFlag.store(true, ordering: .releasing)
      return command
    }
    event.signal()
    return command
  }

  /// Takes everything posted so far, in order. The I/O thread.
  func take() -> [IOThreadCommand] {
    state.withLock { state in
      let taken = state.commands
      state.commands = []
      hasCommandsFlag.store(false, ordering: .releasing)
      return taken
    }
  }

  /// Lets the thread sleep until the next message: before it looks for commands, so that none is missed.
  func clearEvent() { event.drain() }

  /// Takes what is left and accepts nothing more. The I/O thread, last of all.
  func close() -> [IOThreadCommand] {
    state.withLock { state in
      state.isClosed = true
      let taken = state.commands
      state.commands = []
      return taken
    }
  }
}
