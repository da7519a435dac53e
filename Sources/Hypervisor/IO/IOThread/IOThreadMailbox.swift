import HostSystem
import Synchronization

/// An action that other threads can request of an I/O thread.
enum IOThreadAction: Sendable {
  case attach(any IOQueue)
  /// Takes a queue out; where the thread does not have it, the thread of the other mailbox does so.
  case detach(any IOQueue, elsewhere: IOThreadMailbox?)
  /// Hands a queue over to the thread of the mailbox, to which the command goes on.
  case move(any IOQueue, to: IOThreadMailbox)
  case startMeasuring
  case finishMeasuring(IOThreadMeasurement)
  case register(DiskImage, GuestMemory?)
  case stop
}

/// A requested action and whether the I/O thread has carried it out.
final class IOThreadCommand: Sendable {
  let message: IOThreadAction
  private let done = Atomic<Bool>(false)

  init(_ message: IOThreadAction) { self.message = message }

  /// Lets the sender go on. The I/O thread only. Pairs with the acquire load in ``isDone``.
  func markDone() { done.store(true, ordering: .releasing) }

  /// The sender: whether it has been acted upon.
  var isDone: Bool { done.load(ordering: .acquiring) }

  /// The sender: waits. Control path, once per registration of a queue.
  func waitUntilDone() { HostClock.sleep(until: { isDone }) }
}

/// The queue of commands to a running I/O thread. Any thread posts, the I/O thread takes.
final class IOThreadMailbox: Sendable {
  private struct State {
    var commands: [IOThreadCommand] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  private let hasCommandsFlag = Atomic<Bool>(false)
  private let event: EventDescriptor

  init(event: consuming EventDescriptor) { self.event = event }

  /// The eventfd that each message signals, for a thread that sleeps.
  var eventDescriptor: Int32 { event.rawValue }

  /// Whether there is a command to take. One load, because a polling thread asks in each pass.
  var hasCommands: Bool { hasCommandsFlag.load(ordering: .acquiring) }

  /// Posts `message` and waits until the I/O thread has carried it out; returns at once if the thread has ended.
  func send(_ message: IOThreadAction) { post(message)?.waitUntilDone() }

  /// Posts `message`.
  ///
  /// - Returns: the command to wait for, or nil if the thread has ended.
  @discardableResult
  func post(_ message: IOThreadAction) -> IOThreadCommand? {
    let command = IOThreadCommand(message)
    return append(command) ? command : nil
  }

  /// Posts a command that another I/O thread received. If the thread has ended, nothing is left to do for it.
  func forward(_ command: IOThreadCommand) {
    if !append(command) { command.markDone() }
  }

  /// Appends `command` and wakes the thread; false if the thread has ended.
  private func append(_ command: IOThreadCommand) -> Bool {
    let isOpen = state.withLock { state in
      if state.isClosed { return false }
      state.commands.append(command)
      hasCommandsFlag.store(true, ordering: .releasing)
      return true
    }
    if isOpen { event.signal() }
    return isOpen
  }

  /// Takes all posted commands, in order. The I/O thread only.
  func take() -> [IOThreadCommand] {
    state.withLock { state in
      let taken = state.commands
      state.commands = []
      hasCommandsFlag.store(false, ordering: .releasing)
      return taken
    }
  }

  /// Clears the event, so that the thread can sleep until the next message. Call it before ``hasCommands`` is read.
  func clearEvent() { event.drain() }

  /// Takes the remaining commands and accepts no more. The I/O thread only, at its end.
  func close() -> [IOThreadCommand] {
    state.withLock { state in
      state.isClosed = true
      let taken = state.commands
      state.commands = []
      return taken
    }
  }
}
