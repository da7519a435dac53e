import CLinux
public import SystemPackage

/// A Unix stream socket that carries descriptors beside its bytes (`SOCK_STREAM`, `SCM_RIGHTS`), nonblocking and closed on
/// exec. One thread at a time.
public struct DescriptorStream: ~Copyable, Sendable {
  /// The largest number of descriptors of one message.
  public static let descriptorLimit = PacketSocket.descriptorLimit

  private let socket: UnixSocket

  /// Takes over a connected nonblocking stream socket.
  public init(adopting descriptor: consuming OwnedDescriptor) { socket = UnixSocket(descriptor) }

  private init(_ socket: consuming UnixSocket) { self.socket = socket }

  /// One end of a new connection; `other` becomes the other end.
  public init(other: inout OwnedDescriptor?) throws(Errno) {
    let ends = try DescriptorBytes.streamPair()
    other = OwnedDescriptor(adopting: ends.second)
    self.init(adopting: OwnedDescriptor(adopting: ends.first))
  }

  /// The descriptor's number, for ``EventPoll``.
  public var rawValue: Int32 { socket.rawValue }

  /// A socket that listens at `path`. `EADDRINUSE` if the file exists.
  ///
  /// - Parameter isOpenToAll: whether every user may connect; otherwise the file's owner alone may.
  public static func listening(
    path: String, isOpenToAll: Bool, backlog: Int32 = 16
  ) throws(Errno) -> DescriptorStream {
    DescriptorStream(
      adopting: OwnedDescriptor(
        adopting: try NamedFiles.listenForDescriptors(path, backlog: backlog, isOpenToAll: isOpenToAll)))
  }

  /// A connection. `ECONNREFUSED` if nobody listens, `EAGAIN` if too many others wait.
  public static func connected(path: String) throws(Errno) -> DescriptorStream {
    DescriptorStream(try UnixSocket.connected(path: path))
  }

  /// Takes a waiting connection. `EAGAIN` if there is none.
  public func accept() throws(Errno) -> DescriptorStream { DescriptorStream(try socket.accept()) }

  /// Waits until bytes can be received, or a connection accepted.
  ///
  /// - Parameters:
  ///   - wakeDescriptor: ends the wait when it is readable.
  ///   - deadline: in nanoseconds of ``HostClock/monotonicNanoseconds()``; nil waits for ever.
  public func wait(
    wakeDescriptor: Int32? = nil, deadline: UInt64? = nil
  ) throws(Errno) -> UnixSocket.Readiness {
    try socket.wait(wakeDescriptor: wakeDescriptor, deadline: deadline)
  }

  /// Who is at the other end.
  public func peer() throws(Errno) -> SocketPeer { try SocketPeer(ofSocket: socket.rawValue) }

  /// Ends the connection in both directions; the descriptor stays open.
  public func end() { linux_socket_end(socket.rawValue) }

  /// Sends all of `bytes`, with copies of `descriptors` beside the first.
  ///
  /// - Parameter deadline: in nanoseconds of ``HostClock/monotonicNanoseconds()``.
  /// - Throws: `ETIMEDOUT` for a peer that does not read, `EPIPE` for one that is gone.
  public func send(_ bytes: [UInt8], descriptors: [Int32] = [], deadline: UInt64) throws(Errno) {
    var sentCount = 0
    while sentCount < bytes.count {
      let result = DescriptorBytes.send(
        socket.rawValue, bytes[sentCount...], descriptors: sentCount == 0 ? descriptors : [])
      if result == -Int(Errno.wouldBlock.rawValue) {
        guard try socket.wait(forWriting: true, deadline: deadline) == .ready else { throw .timedOut }
      } else {
        sentCount += try check(result)
      }
    }
  }

  /// Receives `byteCount` bytes, and the descriptors beside them; an empty packet at the end.
  ///
  /// - Parameter deadline: in nanoseconds of ``HostClock/monotonicNanoseconds()``.
  /// - Throws: `ETIMEDOUT` for a peer that sends fewer bytes, `ECONNRESET` if the connection ends within them, `EMSGSIZE` for
  ///   more than ``descriptorLimit`` descriptors.
  public func receive(byteCount: Int, deadline: UInt64) throws(Errno) -> ReceivedPacket {
    var (bytes, numbers): ([UInt8], [Int32]) = ([], [])
    let failure = collect(byteCount, deadline: deadline, &bytes, &numbers)
    // Before the failure is thrown: the descriptors are ours, and are closed with the packet.
    let packet = ReceivedPacket(bytes: bytes, adopting: numbers)
    if let failure { throw failure }
    return packet
  }

  /// Fills `bytes` and `numbers`; returns why there are fewer than `byteCount` bytes, unless there are none at all.
  private func collect(
    _ byteCount: Int, deadline: UInt64, _ bytes: inout [UInt8], _ numbers: inout [Int32]
  ) -> Errno? {
    while bytes.count < byteCount {
      let result = receive(byteCount - bytes.count, &bytes, &numbers)
      if result == 0 { return bytes.isEmpty ? nil : .connectionReset }
      if numbers.count > Self.descriptorLimit { return .messageTooLong }
      if result > 0 { continue }
      guard result == -Int(Errno.wouldBlock.rawValue) else { return Errno(rawValue: CInt(clamping: -result)) }
      do throws(Errno) {
        guard try socket.wait(deadline: deadline) == .ready else { return .timedOut }
      } catch { return error }
    }
    return nil
  }

  private func receive(_ byteCount: Int, _ bytes: inout [UInt8], _ numbers: inout [Int32]) -> Int {
    let received = DescriptorBytes.receivePacket(socket.rawValue, byteLimit: byteCount)
    numbers += received.descriptors
    bytes += received.bytes
    return received.result
  }
}
