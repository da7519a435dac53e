import HostSystem
import Synchronization
import SystemPackage
import VextProtocol

/// What a ``VextServiceClient`` and its thread share: the thread keeps no client alive.
final class VextServiceWatch: Sendable {
  struct State: ~Copyable {
    /// Nil once it is closed, while the service is away, and while a request is in flight.
    var connection: VextServiceConnection?
    var isClosed = false
    /// The enabled queues, as they were registered.
    var enabled: [UInt16: VextServiceRegistration] = [:]
    /// The same once no service came back.
    var orphans: [UInt16: OrphanedVextQueue] = [:]
    var isLost = false

    init(_ connection: consuming VextServiceConnection) { self.connection = consume connection }

    /// Asks the service and waits for it as long as it is there; nil where it is not, or answers nonsense.
    mutating func ask(_ request: VextServiceRequest, descriptors: [Int32] = []) -> VextServiceReply? {
      guard var connection = self.connection.take() else { return nil }
      var reply: VextServiceReply?
      do throws(VextServiceConnection.Failure) {
        reply = try connection.ask(request, descriptors: descriptors, deadline: nil)
      } catch {
        // The service still serves what is enabled. It finishes that and leaves when it sees our end, and only then may its
        // queues be taken over.
        if error == .broken { connection.waitForEnd() }
      }
      self.connection = consume connection
      return reply
    }
  }

  private enum Token {
    static let service: UInt64 = 0
    static let stop: UInt64 = 1
    static let contention: UInt64 = 2
  }

  /// The interval at which the rings of a disk whose service is lost are polled, and between two attempts to connect.
  private static let pauseNanoseconds: UInt64 = 1_000_000

  let state: Mutex<State>
  let place: VextServicePlace
  let stop: EventDescriptor
  /// Whether the machine's CPUs are shared, for its queues; written as long as a service is there.
  let contention: VextServiceContention
  private let geometry: VextDiskGeometry
  private let successorTimeoutNanoseconds: UInt64
  private let log: VextLog
  private let poll: EventPoll

  init(
    _ connection: consuming sending VextServiceConnection, place: VextServicePlace,
    geometry: VextDiskGeometry, successorTimeoutNanoseconds: UInt64, log: VextLog
  ) throws(Errno) {
    let stop = try EventDescriptor()
    let poll = try EventPoll()
    // The end of the connection is reported whatever is asked for; replies are nothing to wake up for.
    try poll.add(descriptor: connection.socket.rawValue, token: Token.service, interest: [])
    try poll.add(descriptor: stop.rawValue, token: Token.stop)
    contention = try VextServiceContention()
    try poll.add(descriptor: contention.changed.rawValue, token: Token.contention)
    state = Mutex(State(connection))
    self.stop = stop
    self.poll = poll
    self.place = place
    self.geometry = geometry
    self.successorTimeoutNanoseconds = successorTimeoutNanoseconds
    self.log = log
  }

  /// The thread: waits for the end of the service, then for its successor, and at last takes the queues over.
  func run() {
    while waitForEnd() {
      let isClosed = state.withLock { state in
        // Its descriptor leaves the set with it.
        state.connection = nil
        return state.isClosed
      }
      if isClosed { continue }
      let start = HostClock.monotonicNanoseconds()
      guard waitForSuccessor(since: start) else { break }
      log.warn(
        "the service was away for \((HostClock.monotonicNanoseconds() &- start) / 1_000_000) ms; its successor goes on"
      )
    }
    takeOver()
    while !stop.isSignalled {
      state.withLock { state in
        for queue in state.orphans.keys { state.orphans[queue]?.serve() }
      }
      HostClock.sleep(nanoseconds: Self.pauseNanoseconds)
    }
  }

  /// Waits until the service has ended, and tells drivers of shared CPUs meanwhile; false if the client leaves.
  private func waitForEnd() -> Bool {
    var events = EventBuffer(capacity: 3)
    while true {
      contention.changed.drain()
      do throws(Errno) {
        try poll.wait(timeoutMilliseconds: contention.publish(), into: &events)
      } catch {
        preconditionFailure("epoll_wait fails for wrong arguments alone: \(error)")
      }
      if stop.isSignalled { return false }
      for index in 0..<events.count where events[index] == Token.service { return true }
    }
  }

  /// Connects again, until the time-out; tells whether the queues are served again.
  private func waitForSuccessor(since start: UInt64) -> Bool {
    while HostClock.monotonicNanoseconds() &- start < successorTimeoutNanoseconds {
      if stop.isSignalled { return false }
      do throws(VextServiceError) {
        var connection = try VextServiceConnection.open(path: place.path)
        if try place.introduce(&connection) == geometry, resume(connection) { return true }
      } catch {
        // It is not there yet, or does not have the disk yet: the next attempt may find it.
      }
      HostClock.sleep(nanoseconds: Self.pauseNanoseconds)
    }
    return false
  }

  /// Gives the queues to the service of `connection`.
  private func resume(_ connection: consuming sending VextServiceConnection) -> Bool {
    var fresh: VextServiceConnection? = consume connection
    return state.withLock { state in
      state.connection = fresh.take()
      for (queue, registration) in state.enabled where place.table.record(of: queue).fault == .none {
        let reply = state.ask(
          .resume(queue: queue, registration.setup), descriptors: registration.descriptors)
        guard case .enable(let fault) = reply, fault.error != .outOfResources else {
          return Self.abandon(&state)
        }
        guard fault != .none else { continue }
        place.table.record(of: queue).stop(fault)
        registration.interrupt?.raise()
      }
      guard let descriptor = state.connection?.socket.rawValue else { return false }
      do throws(Errno) {
        try poll.add(descriptor: descriptor, token: Token.service, interest: [])
        return true
      } catch { return Self.abandon(&state) }
    }
  }

  /// Returns when the service has left, so that nothing touches the queues.
  private static func abandon(_ state: inout State) -> Bool {
    if let connection = state.connection.take() { connection.waitForEnd() }
    return false
  }

  private func takeOver() {
    state.withLock { state in
      // After the client has closed the connection, nothing is taken over.
      guard !state.isClosed, !stop.isSignalled else { return }
      state.isLost = true
      for (queue, registration) in state.enabled { state.orphans[queue] = orphan(queue, registration) }
      log.warn("the service is lost: every request ends with an I/O error from now on")
    }
  }

  /// Takes a queue over whose service has ended. Under the lock of ``state``.
  func orphan(_ queue: UInt16, _ registration: VextServiceRegistration) -> OrphanedVextQueue? {
    OrphanedVextQueue(
      registration.setup, memory: place.memory, record: place.table.record(of: queue),
      interrupt: registration.interrupt)
  }
}
