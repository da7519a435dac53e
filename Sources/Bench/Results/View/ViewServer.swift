import HostSystem
import SystemPackage

/// Serves a report to the browsers of this host, on the calling thread.
///
/// A server of its own, because it answers GET and HEAD for two paths and then ends the connection. A library such as SwiftNIO would add more
/// code than bench itself has, for uploads, kept connections and chunks that must all be refused here.
final class ViewServer {
  /// Clients at a time; further ones wait in the kernel.
  private static let connectionLimit = 32
  private static let waitMilliseconds: Int32 = 250

  private let listener: LoopbackListener
  private let poll: EventPoll
  private var connections: [UInt64: ViewConnection] = [:]
  private var lastToken: UInt64 = 0
  private var isListening = true

  /// The port that it listens at.
  var port: UInt16 { listener.port }

  /// Listens at `port` of 127.0.0.1, or at one that the kernel chooses if it is 0.
  init(port: UInt16) throws(Errno) {
    listener = try LoopbackListener(port: port)
    poll = try EventPoll()
    try poll.add(descriptor: listener.rawValue, token: 0)
  }

  /// Answers until `isOver`, which is asked four times a second.
  func run(
    until isOver: () -> Bool, answer: (ViewRequest) throws(ViewRequest.Refusal) -> [UInt8]
  ) throws(Errno) {
    var buffer = EventBuffer(capacity: 32)
    while !isOver() {
      try poll.wait(timeoutMilliseconds: Self.waitMilliseconds, into: &buffer)
      for place in 0..<buffer.count {
        let token = buffer[place]
        if token == 0 {
          acceptAll()
        } else if let connection = connections[token] {
          advance(connection, token, answer)
        }
      }
      dropLate()
      try listenIfFree()
    }
  }

  private func acceptAll() {
    while connections.count < Self.connectionLimit {
      do throws(Errno) {
        let connection = ViewConnection(
          try listener.accept(), port: port, now: HostClock.monotonicNanoseconds())
        lastToken += 1
        try poll.add(descriptor: connection.descriptor, token: lastToken)
        connections[lastToken] = connection
      } catch {
        // EAGAIN: nobody waits. A client that is gone again, or a lack of descriptors, which ends when others do.
        return
      }
    }
  }

  private func advance(
    _ connection: ViewConnection, _ token: UInt64,
    _ answer: (ViewRequest) throws(ViewRequest.Refusal) -> [UInt8]
  ) {
    let interest = connection.advance(answer)
    do throws(Errno) {
      switch interest {
      case .reading: try poll.change(descriptor: connection.descriptor, token: token, interest: .readable)
      case .writing: try poll.change(descriptor: connection.descriptor, token: token, interest: .writable)
      case .over: connections[token] = nil
      }
    } catch {
      connections[token] = nil
    }
  }

  private func dropLate() {
    let now = HostClock.monotonicNanoseconds()
    for (token, connection) in connections where connection.isLate(now) {
      connection.refuseLate()
      connections[token] = nil
    }
  }

  /// Does not wait for the listener while there is no room: it would be ready all the time.
  private func listenIfFree() throws(Errno) {
    let isFree = connections.count < Self.connectionLimit
    guard isFree != isListening else { return }
    isListening = isFree
    if isFree {
      try poll.add(descriptor: listener.rawValue, token: 0)
    } else {
      try poll.remove(descriptor: listener.rawValue)
    }
  }
}
