import HostSystem
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// A TCP socket that listens at 127.0.0.1: programs of this host alone can connect. One thread at a time.
// SAFETY: each call gets the address and the length of a variable that lives until the call returns.
@safe
struct LoopbackListener: ~Copyable {
  private let descriptor: OwnedDescriptor
  /// The port that it listens at.
  let port: UInt16

  /// The descriptor's number, for `EventPoll`: readable while a connection waits.
  var rawValue: Int32 { descriptor.rawValue }

  /// Listens at `port`, or at one that the kernel chooses if it is 0. `EADDRINUSE` if another program listens there.
  init(port: UInt16, backlog: Int32 = 16) throws(Errno) {
    let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = OwnedDescriptor(adopting: try checkErrno(socket(AF_INET, flags, 0)))
    var isReused: Int32 = 1
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    // Connections of an earlier listener that are about to end keep nobody from the port.
    try checkErrno(
      unsafe setsockopt(
        descriptor.rawValue, SOL_SOCKET, SO_REUSEADDR, &isReused, socklen_t(MemoryLayout<Int32>.size)))
    try checkErrno(
      unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe bind(descriptor.rawValue, $0, length)
        }
      })
    try checkErrno(listen(descriptor.rawValue, backlog))
    var ownLength = length
    try checkErrno(
      unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe getsockname(descriptor.rawValue, $0, &ownLength)
        }
      })
    self.port = UInt16(bigEndian: address.sin_port)
    self.descriptor = descriptor
  }

  /// Takes a waiting connection. `EAGAIN` if there is none.
  func accept() throws(Errno) -> LoopbackConnection {
    let accepted = OwnedDescriptor(
      adopting: try checkErrno(Glibc.accept(descriptor.rawValue, nil, nil)))
    try checkErrno(fcntl(accepted.rawValue, F_SETFD, FD_CLOEXEC))
    try checkErrno(fcntl(accepted.rawValue, F_SETFL, O_NONBLOCK))
    return LoopbackConnection(accepted)
  }
}

/// A connection that a ``LoopbackListener`` took: nonblocking, closed when it goes away. One thread at a time.
///
/// The process must ignore SIGPIPE, which a client that is gone would raise.
struct LoopbackConnection: ~Copyable {
  private let descriptor: OwnedDescriptor

  fileprivate init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

  /// The descriptor's number, for `EventPoll`.
  var rawValue: Int32 { descriptor.rawValue }

  /// What has come, at most `byteCount` bytes; none at the end. `EAGAIN` if none have come yet.
  func receive(byteCount: Int) throws(Errno) -> [UInt8] {
    try DescriptorBytes.read(descriptor.rawValue, limit: byteCount)
  }

  /// Sends as many of `bytes` as there is room for and returns how many. `EAGAIN` if there is none.
  func send(_ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
    try DescriptorBytes.write(descriptor.rawValue, bytes.span)
  }

  /// Tells the other end that nothing follows. It can still be received from.
  func endSending() {
    // Fails for a client that is gone, which the next call finds out.
    _ = shutdown(descriptor.rawValue, Int32(SHUT_WR))
  }
}
