import CLinux
import SystemPackage

/// A Unix socket, nonblocking and closed on exec (`unix(7)`): a stream, or the carrier of a ``PacketSocket``. One thread at a
/// time.
public struct UnixSocket: ~Copyable, Sendable {
  /// How a wait ended.
  public enum Readiness: Sendable {
    /// The socket can be used without blocking, or has failed.
    case ready
    /// The time is over.
    case timedOut
    /// The other descriptor became readable.
    case woken
  }

  private let descriptor: OwnedDescriptor

  init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

  /// The descriptor's number, for ``EventPoll`` and packets.
  var rawValue: Int32 { descriptor.rawValue }

  /// The bytes that a path may have.
  public static var pathByteLimit: Int { Int(linux_socket_path_limit()) }

  /// A socket that listens at `path`, which only the file's owner may connect to. `EADDRINUSE` if the file exists.
  public static func listening(path: String, backlog: Int32 = 16) throws(Errno) -> UnixSocket {
    UnixSocket(OwnedDescriptor(adopting: try NamedFiles.listen(path, backlog: backlog)))
  }

  /// A connection. `ECONNREFUSED` if nobody listens, `EAGAIN` if too many others wait.
  public static func connected(path: String) throws(Errno) -> UnixSocket {
    UnixSocket(OwnedDescriptor(adopting: try NamedFiles.connect(path)))
  }

  /// The number of the process at the other end (`SO_PEERCRED`), or nil where it cannot be seen from this one.
  public var peerProcessID: Int32? {
    let number = linux_socket_peer_process(descriptor.rawValue)
    return number > 0 ? number : nil
  }

  /// Takes a waiting connection. `EAGAIN` if there is none.
  public func accept() throws(Errno) -> UnixSocket {
    UnixSocket(OwnedDescriptor(adopting: try check(linux_socket_accept(descriptor.rawValue))))
  }

  /// Waits until the socket can be read (or accepted from), or written to.
  ///
  /// - Parameters:
  ///   - wakeDescriptor: ends the wait when it is readable.
  ///   - deadline: in nanoseconds of ``HostClock/monotonicNanoseconds()``; nil waits for ever.
  public func wait(
    forWriting: Bool = false, wakeDescriptor: Int32? = nil, deadline: UInt64? = nil
  ) throws(Errno) -> Readiness {
    while true {
      var milliseconds: Int32 = -1
      if let deadline {
        let now = HostClock.monotonicNanoseconds()
        // Rounded up: a wait that ends too early would spin.
        milliseconds = deadline > now ? Int32(clamping: (deadline - now) / 1_000_000 + 1) : 0
      }
      let result = try check(
        linux_socket_wait(descriptor.rawValue, forWriting ? 1 : 0, wakeDescriptor ?? -1, milliseconds))
      if result == 2 { return .woken }
      if result == 1 { return .ready }
      if milliseconds == 0 { return .timedOut }
    }
  }

  /// Reads up to `byteCount` bytes; none at the end. `EAGAIN` if none have come yet.
  public func receive(byteCount: Int) throws(Errno) -> [UInt8] {
    try DescriptorBytes.receive(descriptor.rawValue, byteLimit: byteCount)
  }

  /// Writes as many of `bytes` as there is room for and returns how many. `EAGAIN` if there is none.
  public func send(_ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
    try DescriptorBytes.send(descriptor.rawValue, bytes)
  }

  /// Whether the file at `path` is a socket. `ENOENT` where nothing is.
  public static func isSocket(path: String) throws(Errno) -> Bool {
    try NamedFiles.isSocket(path)
  }

  /// Removes a socket's file.
  public static func remove(path: String) throws(Errno) { try NamedFiles.remove(path) }
}
