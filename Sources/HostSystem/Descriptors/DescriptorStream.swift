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
    var (first, second): (Int32, Int32) = (-1, -1)
    // SAFETY: the pointers are valid for the duration of the call.
    try check(unsafe linux_stream_pair(&first, &second))
    other = OwnedDescriptor(adopting: second)
    self.init(adopting: OwnedDescriptor(adopting: first))
  }

  /// The descriptor's number, for ``EventPoll``.
  public var rawValue: Int32 { socket.rawValue }

  /// A socket that listens at `path`. `EADDRINUSE` if the file exists.
  ///
  /// - Parameter isOpenToAll: whether every user may connect; otherwise the file's owner alone may.
  public static func listening(
    path: String, isOpenToAll: Bool, backlog: Int32 = 16
  ) throws(Errno) -> DescriptorStream {
    // SAFETY: the C string lives for the duration of the call.
    let number = try check(
      unsafe path.withCString { unsafe linux_stream_listen($0, backlog, isOpenToAll ? 1 : 0) })
    return DescriptorStream(adopting: OwnedDescriptor(adopting: number))
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
      let result = send(bytes[sentCount...], descriptors: sentCount == 0 ? descriptors : [])
      if result == -Int(Errno.wouldBlock.rawValue) {
        guard try socket.wait(forWriting: true, deadline: deadline) == .ready else { throw .timedOut }
      } else {
        sentCount += try check(result)
      }
    }
  }

  private func send(_ bytes: ArraySlice<UInt8>, descriptors: [Int32]) -> Int {
    // SAFETY: the kernel reads no more than both buffers hold.
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe descriptors.withUnsafeBufferPointer { numbers in
        unsafe linux_packet_send(
          socket.rawValue, bytes.baseAddress, bytes.count, numbers.baseAddress, Int32(clamping: numbers.count)
        )
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
    var piece = [UInt8](repeating: 0, count: byteCount)
    var received = [Int32](repeating: -1, count: Self.descriptorLimit)
    var count: Int32 = 0
    // SAFETY: the kernel writes no more than the buffers' lengths.
    let result = unsafe piece.withUnsafeMutableBytes { piece in
      unsafe received.withUnsafeMutableBufferPointer { received in
        unsafe linux_packet_receive(
          socket.rawValue, piece.baseAddress, piece.count, received.baseAddress, &count)
      }
    }
    numbers += received.prefix(Int(count))
    bytes += piece.prefix(max(0, Int(result)))
    return Int(result)
  }
}
