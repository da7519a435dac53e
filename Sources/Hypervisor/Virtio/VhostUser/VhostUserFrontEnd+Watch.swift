import HostSystem
import Synchronization
import SystemPackage
import VextProtocol

/// The watcher thread: it sees the end of the back end and waits for its successor, answers the back end's own requests, and
/// raises the interrupts of drivers without MSI-X.
extension VhostUserFrontEnd {
  private enum Token {
    static let stop: UInt64 = 0
    static let backEnd: UInt64 = 1
    static let requests: UInt64 = 2
    /// Plus the queue's number.
    static let call: UInt64 = 3
  }

  /// Between two attempts to connect.
  private static let pauseNanoseconds: UInt64 = 1_000_000

  /// Prepares the set that the thread waits for.
  func watchDescriptors() throws(Errno) {
    try poll.add(descriptor: stop.rawValue, token: Token.stop)
    try poll.add(descriptor: requests.stream.rawValue, token: Token.requests)
    for (index, call) in calls.enumerated() {
      try poll.add(descriptor: call.event.rawValue, token: Token.call + UInt64(index))
    }
    try state.withLock { (state) throws(Errno) in try watchLink(state) }
  }

  /// The end of a connection is reported whatever is asked for; replies are nothing to wake up for.
  private func watchLink(_ state: borrowing State) throws(Errno) {
    switch state.link {
    case .some(let link):
      try poll.add(descriptor: link.socket.stream.rawValue, token: Token.backEnd, interest: [])
    case .none: return
    }
  }

  func watch() {
    var events = EventBuffer(capacity: 16)
    while !stop.isSignalled {
      do throws(Errno) {
        try poll.wait(timeoutMilliseconds: -1, into: &events)
      } catch {
        preconditionFailure("epoll_wait fails for wrong arguments alone: \(error)")
      }
      for place in 0..<events.count {
        switch events[place] {
        case Token.stop: return
        case Token.backEnd: backEndHasEnded()
        case Token.requests: answer()
        case let token: raise(Int(truncatingIfNeeded: token - Token.call))
        }
      }
    }
  }

  private func raise(_ queue: Int) {
    calls[queue].event.drain()
    channels.withLock { $0[queue] }?.interrupt()
  }

  /// Answers one request of the back end.
  private func answer() {
    do throws(VhostUserError) {
      let received = try requests.receive()
      guard received.message.request == VhostUserBackEndRequest.configurationChanged.rawValue,
        received.packet.descriptorCount == 0
      else { throw .badRequest(received.message.request) }
      state.withLock { state in
        perform(&state) { link throws(VhostUserError) in try readConfiguration(link) }
      }
      if received.message.needsReply {
        try requests.send(received.message.reply(VhostUserMessage.payload(0)))
      }
    } catch {
      // The rest of the stream has no meaning. The channel is the device's, so that this ends it for a successor, too.
      try? poll.remove(descriptor: requests.stream.rawValue)
      state.withLock { state in
        perform(&state) { _ throws(VhostUserError) in throw error }
      }
    }
  }

  /// Lets a successor continue the queues, or fails them.
  private func backEndHasEnded() {
    let continues = state.withLock { state -> Bool in
      // A violation may have ended the connection in the meantime: the descriptor has left the set then.
      guard state.link != nil else { return false }
      // Its descriptor leaves the set with it.
      state.link = nil
      if state.inflight != nil { return true }
      log.warn("the back end has ended")
      fail(state.served, .connectionReset)
      return false
    }
    guard continues else { return }
    let start = HostClock.monotonicNanoseconds()
    var lastError = VhostUserError.closed
    while HostClock.monotonicNanoseconds() &- start < successorTimeoutNanoseconds, !stop.isSignalled {
      do throws(VhostUserError) {
        let link = try openSuccessor()
        guard resume(link) else { break }
        let milliseconds = (HostClock.monotonicNanoseconds() &- start) / 1_000_000
        return log.warn("the back end was away for \(milliseconds) ms; its successor goes on")
      } catch { lastError = error }
      HostClock.sleep(nanoseconds: Self.pauseNanoseconds)
    }
    log.warn("no successor of the back end: \(lastError)")
    state.withLock { state in
      state.inflight = nil
      fail(state.served, .connectionReset)
    }
  }

  /// Gives the rings to the successor.
  private func resume(_ opened: consuming sending VhostUserLink) -> Bool {
    var fresh: VhostUserLink? = consume opened
    return state.withLock { state in
      state.link = fresh.take()
      let (rings, features) = (state.served.map(\.ring), state.features)
      var inflight = state.inflight.take()
      perform(&state) { link throws(VhostUserError) in
        guard !rings.isEmpty else { return }
        switch inflight {
        case .some(let noted): try link.setInflight(noted)
        case .none: break
        }
        try link.start(rings, features: features, memory: memory, base: usedIndex)
      }
      state.inflight = inflight.take()
      guard state.link != nil else { return false }
      // A notification of the driver may have been lost with the predecessor.
      for served in state.served { served.channel.notify() }
      do throws(Errno) { try watchLink(state) } catch { return false }
      return true
    }
  }

  /// The index of a used ring: requests that were taken behind it are noted as in flight.
  private func usedIndex(_ ring: VhostRing) -> UInt16 {
    let address = GuestAddress(ring.layout.usedRing.rawValue &+ 2)
    // The transport has checked that the ring lies in memory.
    return (try? memory.load(UInt16.self, at: address)) ?? 0
  }
}
