import Synchronization
import SystemPackage

/// Which I/O thread of a group has which queue. Any thread.
final class IOQueueDirectory: Sendable {
  private struct Residence {
    let queue: any IOQueue
    /// The thread that has the queue, or had it before ``move``.
    var place: Int
    /// The last move: to which thread, and the command.
    var move: (place: Int, command: IOThreadCommand?)?

    /// Notes the end of the last move, if it has ended.
    mutating func update() {
      guard let move, move.command?.isDone ?? true else { return }
      place = move.place
      self.move = nil
    }
  }

  /// What became of a request to move a queue.
  enum Start {
    /// It is not here, moves already, or cannot be served there.
    case refused
    case isThere
    /// The command is done when the queue is served there; nil: the thread that had it has ended.
    case started(IOThreadCommand?)
  }

  let threads: [IOThread]
  private let residences = Mutex<[ObjectIdentifier: Residence]>([:])
  private let moves = Atomic<UInt64>(0)

  init(_ threads: [IOThread]) { self.threads = threads }

  /// Number of moves so far.
  var moveCount: UInt64 { moves.load(ordering: .relaxed) }

  /// The queues of each thread.
  var queues: [[any IOQueue]] {
    let residences = residences.withLock { Array($0.values) }
    return threads.indices.map { place in
      residences.filter { ($0.move?.place ?? $0.place) == place }.map(\.queue)
    }
  }

  func attach(_ queue: any IOQueue, to place: Int) throws(Errno) {
    try threads[place].attach(queue)
    residences.withLock { $0[ObjectIdentifier(queue)] = Residence(queue: queue, place: place) }
  }

  /// Takes the queue from the thread that has it. A queue on its way to another thread leaves the first one that can let it go.
  func startDetaching(_ queue: any IOQueue) -> IOQueueDetachment {
    residences.withLock { residences in
      guard var residence = residences.removeValue(forKey: ObjectIdentifier(queue)) else {
        return IOQueueDetachment()
      }
      residence.update()
      guard let move = residence.move else { return threads[residence.place].startDetaching(queue) }
      // Posted behind the move, which is posted under the same lock.
      return threads[residence.place].startDetaching(queue, elsewhere: threads[move.place])
    }
  }

  /// Begins to move `queue` to the thread at `place`.
  func startMoving(_ queue: any IOQueue, to place: Int) -> Start {
    startMoving(ObjectIdentifier(queue), to: place)
  }

  func startMoving(_ queue: ObjectIdentifier, to place: Int) -> Start {
    residences.withLock { residences in
      guard var residence = residences[queue] else { return .refused }
      residence.update()
      defer { residences[queue] = residence }
      guard residence.move == nil, threads[place].canServe(residence.queue) else { return .refused }
      if residence.place == place { return .isThere }
      let command = threads[residence.place].startMoving(residence.queue, to: threads[place])
      residence.move = (place, command)
      moves.wrappingAdd(1, ordering: .relaxed)
      return .started(command)
    }
  }
}
