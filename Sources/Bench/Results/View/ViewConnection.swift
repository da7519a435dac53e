import HostSystem
import SystemPackage

/// One client of `bench view`, from its connection to the end of its answer. It may be slow or hostile, and gets a bounded time.
final class ViewConnection {
  /// How long a request may take to come, and an answer to be taken.
  static let nanosecondLimit: UInt64 = 5_000_000_000
  /// How much of a request is thrown away after its answer, so that the client gets to read that.
  private static let discardLimit = 1 << 16

  /// What a client is waited for.
  enum Interest: Equatable {
    case reading
    case writing
    /// The connection is over.
    case over
  }

  private enum State {
    case request
    case answer
    case discarding
  }

  private let socket: LoopbackConnection
  private let port: UInt16
  private let deadline: UInt64
  private var state = State.request
  private var head: [UInt8] = []
  private var rest: ArraySlice<UInt8> = []
  private var discardedCount = 0

  /// A client that has just connected to the server at `port`.
  init(_ socket: consuming LoopbackConnection, port: UInt16, now: UInt64) {
    self.socket = socket
    self.port = port
    deadline = now &+ Self.nanosecondLimit
  }

  /// The descriptor to wait on.
  var descriptor: Int32 { socket.rawValue }

  /// Whether its time is over.
  func isLate(_ now: UInt64) -> Bool { now > deadline }

  /// Does what can be done without waiting.
  ///
  /// - Parameter answer: Makes the answer to a request.
  /// - Returns: What to wait for next.
  func advance(_ answer: (ViewRequest) throws(ViewRequest.Refusal) -> [UInt8]) -> Interest {
    do throws(Errno) {
      switch state {
      case .request: try receive(answer)
      case .answer: break
      case .discarding: return try discard()
      }
      return try state == .answer ? send() : .reading
    } catch {
      // EAGAIN: later. Anything else: the client is gone.
      guard error == .wouldBlock || error == .resourceTemporarilyUnavailable else { return .over }
      return state == .answer ? .writing : .reading
    }
  }

  /// The answer to a client whose time is over before its request is whole; sent as far as there is room for it.
  func refuseLate() {
    guard state == .request else { return }
    // The client is dropped in any case.
    _ = try? socket.send(ViewAnswer.refusing(.tooSlow)[...])
  }

  private func receive(_ answer: (ViewRequest) throws(ViewRequest.Refusal) -> [UInt8]) throws(Errno) {
    let bytes = try socket.receive(byteCount: 4096)
    guard !bytes.isEmpty else { throw .brokenPipe }
    head += bytes
    do throws(ViewRequest.Refusal) {
      guard let length = ViewRequest.headLength(head) else {
        if head.count > ViewRequest.byteLimit { throw .tooLong }
        return
      }
      if length > ViewRequest.byteLimit { throw .tooLong }
      rest = try answer(ViewRequest(head.prefix(length), port: port))[...]
    } catch {
      rest = ViewAnswer.refusing(error)[...]
    }
    head = []
    state = .answer
  }

  private func send() throws(Errno) -> Interest {
    while !rest.isEmpty { rest = rest.dropFirst(try socket.send(rest)) }
    socket.endSending()
    state = .discarding
    return .reading
  }

  /// Reads on until the client ends: a socket that is closed with bytes unread takes the answer away from the client.
  private func discard() throws(Errno) -> Interest {
    while discardedCount < Self.discardLimit {
      let bytes = try socket.receive(byteCount: 4096)
      if bytes.isEmpty { return .over }
      discardedCount += bytes.count
    }
    return .over
  }
}
