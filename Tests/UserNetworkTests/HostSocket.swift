import Glibc
import HostSystem
import SystemPackage

/// A socket on the host's loopback that waits at most ten seconds for anything.
struct HostSocket: ~Copyable {
  /// What a socket carries.
  enum Kind {
    case datagrams, stream

    var number: Int32 {
      switch self {
      case .datagrams: Int32(SOCK_DGRAM.rawValue)
      case .stream: Int32(SOCK_STREAM.rawValue)
      }
    }
  }

  private let descriptor: OwnedDescriptor

  private init(_ descriptor: consuming OwnedDescriptor) throws {
    self.descriptor = descriptor
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    // SAFETY: the option is a timeval.
    _ = unsafe setsockopt(
      self.descriptor.rawValue, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  /// A socket that is bound to a free port, and listens where it can.
  static func bound(_ kind: Kind) throws -> HostSocket {
    let socket = try HostSocket(OwnedDescriptor(adopting: socket(AF_INET, kind.number, 0)))
    try unsafe check(socket.withAddress(port: 0) { unsafe bind(socket.descriptor.rawValue, $0, $1) })
    if kind == .stream { try check(listen(socket.descriptor.rawValue, 4)) }
    return socket
  }

  /// A connection to a port of the loopback.
  static func connected(to port: UInt16, _ kind: Kind = .stream) throws -> HostSocket {
    let socket = try HostSocket(OwnedDescriptor(adopting: socket(AF_INET, kind.number, 0)))
    try unsafe check(socket.withAddress(port: port) { unsafe connect(socket.descriptor.rawValue, $0, $1) })
    return socket
  }

  /// The port that it is bound to.
  var port: UInt16 {
    var address = sockaddr_in()
    var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
    unsafe withUnsafeMutablePointer(to: &address) { pointer in
      // SAFETY: a sockaddr_in is what a socket of AF_INET has.
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = unsafe getsockname(descriptor.rawValue, $0, &byteCount)
      }
    }
    return UInt16(bigEndian: address.sin_port)
  }

  /// Takes the next connection.
  func accepted() throws -> HostSocket {
    let result = accept(descriptor.rawValue, nil, nil)
    try Self.check(result)
    return try HostSocket(OwnedDescriptor(adopting: result))
  }

  /// The next bytes, empty at the end.
  func receive() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    // SAFETY: the array is as long as it says.
    let count = unsafe recv(descriptor.rawValue, &bytes, bytes.count, 0)
    try Self.check(Int32(clamping: count))
    return Array(bytes[..<count])
  }

  /// Sends all of `bytes` on a connection.
  func send(_ bytes: [UInt8]) throws {
    // SAFETY: the array is as long as it says.
    let count = unsafe Glibc.send(descriptor.rawValue, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    try Self.check(Int32(clamping: count))
  }

  /// Receives one datagram and sends it back where it came from.
  func echo() throws { try answer { [$0] } }

  /// Receives one datagram and sends answers where it came from, a millisecond between them.
  func answer(_ answers: ([UInt8]) -> [[UInt8]]) throws {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var address = sockaddr_in()
    var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor.rawValue
    try unsafe withUnsafeMutablePointer(to: &address) { pointer in
      // SAFETY: a sockaddr_in is what a socket of AF_INET has; the arrays are as long as they say.
      try unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { peer in
        let count = unsafe recvfrom(descriptor, &bytes, bytes.count, 0, peer, &byteCount)
        try Self.check(Int32(clamping: count))
        for answer in answers(Array(bytes[..<count])) {
          try Self.check(
            Int32(clamping: unsafe sendto(descriptor, answer, answer.count, 0, peer, byteCount)))
          HostClock.sleep(nanoseconds: 1_000_000)
        }
      }
    }
  }

  private func withAddress(
    port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
    return unsafe withUnsafePointer(to: &address) { pointer in
      // SAFETY: a sockaddr_in is what a socket of AF_INET wants.
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  private static func check(_ result: Int32) throws { if result < 0 { throw Errno(rawValue: errno) } }
}
