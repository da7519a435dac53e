import HostSystem
import Synchronization

/// What an I/O thread can be told.
enum IOThreadMessage: Sendable {
  case attach(any IOQueue)
  case detach(any IOQueue)
  case stop
}

/// A message and whether it has been acted upon.
final class IOThreadLetter: Sendable {
  let message: IOThreadMessage
  private let isDone = Atomic<Bool>(false)

  init(_ message: IOThreadMessage) { self.message = message }

  /// The I/O thread: lets the sender go on. Pairs with the acquire load in ``waitUntilDone()``.
  func markDone() { isDone.store(true, ordering: .releasing) }

  /// The sender: waits, asleep for 20 us at a time. Control path, once per registration of a queue.
  func waitUntilDone() {
    while !isDone.load(ordering: .acquiring) { HostClock.sleep(nanoseconds: 20_000) }
  }
}

/// The one way to tell a running I/O thread something. Any thread posts, the I/O thread takes.
final class IOThreadMailbox: Sendable {
  private let letters = Mutex<[IOThreadLetter]>([])
  private let mailFlag = Atomic<Bool>(false)
  private let event: EventDescriptor

  init(event: consuming EventDescriptor) { self.event = event }

  /// Signalled with each message, for a thread that sleeps.
  var eventDescriptor: Int32 { event.rawValue }

  /// Whether there is something to take; one load, for each pass of a polling thread.
  var hasMail: Bool { mailFlag.load(ordering: .acquiring) }

  /// Posts `message` and waits until the I/O thread has acted upon it.
  func send(_ message: IOThreadMessage) {
    let letter = IOThreadLetter(message)
    letters.withLock { letters in
      letters.append(letter)
      mailFlag.store(true, ordering: .releasing)
    }
    event.signal()
    letter.waitUntilDone()
  }

  /// Takes everything posted so far, in order.
  func take() -> [IOThreadLetter] {
    event.drain()
    return letters.withLock { letters in
      let taken = letters
      letters = []
      mailFlag.store(false, ordering: .releasing)
      return taken
    }
  }
}
