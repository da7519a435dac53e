import HostSystem
import SystemPackage

/// One end of a connection between a command and a machine, which carries whole messages with deadlines.
struct ControlConnection: ~Copyable {
  private let socket: UnixSocket
  /// A descriptor that becomes readable when a waiting thread must give up.
  private let wakeDescriptor: Int32?

  init(_ socket: consuming UnixSocket, wakeDescriptor: Int32? = nil) {
    self.socket = socket
    self.wakeDescriptor = wakeDescriptor
  }

  /// Receives the next message: the two numbers of its header, and the payload, whose size is the second number, up to
  /// `limit`.
  ///
  /// - Parameter deadline: for the whole message, in nanoseconds of ``HostClock/monotonicNanoseconds()``.
  /// - Throws: ``ControlError/closed`` if the other side closed the connection before the end of a message.
  func receive(limit: Int, deadline: UInt64) throws(ControlError) -> (first: UInt32, payload: [UInt8]) {
    let header = try receive(byteCount: ControlRequest.headerByteCount, deadline)
    let byteCount = WireNumber.number(header[4...])
    guard byteCount <= limit else { throw .tooLong(byteCount: byteCount) }
    return (WireNumber.number(header[...]), try receive(byteCount: Int(byteCount), deadline))
  }

  /// Sends all of `bytes`. The wake descriptor does not interrupt it, because a client that requested the end gets its
  /// reply.
  func send(_ bytes: [UInt8], deadline: UInt64) throws(ControlError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      try wait(forWriting: true, deadline)
      do throws(Errno) { rest.removeFirst(try socket.send(rest)) } catch { try Self.tolerate(error) }
    }
  }

  private func receive(byteCount: Int, _ deadline: UInt64) throws(ControlError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
      try wait(forWriting: false, deadline)
      let part: [UInt8]
      do throws(Errno) { part = try socket.receive(byteCount: byteCount - bytes.count) } catch {
        try Self.tolerate(error)
        continue
      }
      if part.isEmpty { throw .closed }
      bytes += part
    }
    return bytes
  }

  private func wait(forWriting: Bool, _ deadline: UInt64) throws(ControlError) {
    let readiness: UnixSocket.Readiness
    do throws(Errno) {
      readiness = try socket.wait(
        forWriting: forWriting, wakeDescriptor: forWriting ? nil : wakeDescriptor, deadline: deadline)
    } catch {
      throw .system(error)
    }
    switch readiness {
    case .ready: return
    case .timedOut: throw .timedOut
    case .woken: throw .stopping
    }
  }

  /// Ignores errors that a nonblocking socket may return although it was ready.
  private static func tolerate(_ error: Errno) throws(ControlError) {
    switch error {
    case .wouldBlock: return
    case .brokenPipe, .connectionReset: throw .closed
    default: throw .system(error)
    }
  }
}
