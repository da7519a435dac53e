import Glibc
import HostSystem
import SystemPackage

/// A client of RFB 3.8 (RFC 6143) on the host's loopback, with raw encoding alone. It waits ten seconds at most for anything.
package final class RFBClient {
  /// Why a conversation ends.
  package enum Failure: Error, Equatable {
    /// The server closed the connection, or was silent for ten seconds.
    case ended
    /// The server refused the client.
    case refused(UInt32)
    /// The server sent something that the client does not know.
    case unexpected(UInt8)
  }

  /// Pixels of an update, row by row.
  package struct Rectangle {
    package let x: Int
    package let y: Int
    package let width: Int
    package let height: Int
    package let bytes: [UInt8]
  }

  private let descriptor: OwnedDescriptor
  /// The picture as the updates have made it: a row after the other, four bytes for a pixel.
  package private(set) var picture: [UInt8] = []
  package private(set) var width = 0
  package private(set) var height = 0
  package private(set) var name = ""

  /// Connects to a port, and says nothing.
  package init(connectedTo port: UInt16) throws {
    descriptor = OwnedDescriptor(adopting: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    // SAFETY: the option is a timeval.
    _ = unsafe setsockopt(
      descriptor.rawValue, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
    let number = descriptor.rawValue
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      // SAFETY: a sockaddr_in is what a socket of AF_INET wants.
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
  }

  /// Connects to a port, and shakes hands.
  ///
  /// - Parameter respond: answers the challenge of a server with a password.
  package convenience init(port: UInt16, respond: (([UInt8]) -> [UInt8])? = nil) throws {
    try self.init(connectedTo: port)
    try send(try receive(12))
    let kinds = try receive(Int(try receive(1)[0]))
    let wanted: UInt8 = respond == nil ? 1 : 2
    guard kinds.contains(wanted) else { throw Failure.unexpected(kinds.first ?? 0) }
    try send([wanted])
    if let respond { try send(respond(try receive(16))) }
    let result = try receiveNumber(4)
    guard result == 0 else { throw Failure.refused(UInt32(result)) }
    try send([1])
    width = try receiveNumber(2)
    height = try receiveNumber(2)
    _ = try receive(16)
    name = String(decoding: try receive(try receiveNumber(4)), as: UTF8.self)
    picture = [UInt8](repeating: 0, count: width * height * 4)
    // SetEncodings: raw.
    try send([2, 0, 0, 1, 0, 0, 0, 0])
  }

  /// Asks for an update and takes it.
  ///
  /// - Parameter incremental: whether only changes are wanted, which the server waits for.
  @discardableResult
  package func update(incremental: Bool) throws -> [Rectangle] {
    let size = [width, height].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    try send([3, incremental ? 1 : 0, 0, 0, 0, 0] + size)
    let kind = try receive(1)[0]
    guard kind == 0 else { throw Failure.unexpected(kind) }
    _ = try receive(1)
    return try (0..<(try receiveNumber(2))).map { _ in
      let place = try (0..<4).map { _ in try receiveNumber(2) }
      let encoding = try receiveNumber(4)
      guard encoding == 0 else { throw Failure.unexpected(UInt8(truncatingIfNeeded: encoding)) }
      let bytes = try receive(place[2] * place[3] * 4)
      for row in 0..<place[3] {
        let start = ((place[1] + row) * width + place[0]) * 4
        picture.replaceSubrange(
          start..<start + place[2] * 4, with: bytes[row * place[2] * 4..<(row + 1) * place[2] * 4])
      }
      return Rectangle(x: place[0], y: place[1], width: place[2], height: place[3], bytes: bytes)
    }
  }

  /// A pixel of the picture: red, green and blue in the bytes of a number.
  package func pixel(_ x: Int, _ y: Int) -> UInt32 {
    let start = (y * width + x) * 4
    return picture[start..<start + 3].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// Presses or releases the key of a symbol of X11's.
  package func key(_ symbol: UInt32, isDown: Bool) throws {
    try send([4, isDown ? 1 : 0, 0, 0] + (0..<4).map { UInt8(truncatingIfNeeded: symbol >> (24 - $0 * 8)) })
  }

  /// Types a character or another key.
  package func type(_ symbol: UInt32) throws {
    try key(symbol, isDown: true)
    try key(symbol, isDown: false)
  }

  /// Types characters of ASCII, and for a line feed the Enter key. Nobody holds Shift.
  package func type(_ text: String) throws {
    for scalar in text.unicodeScalars { try type(scalar == "\n" ? 0xFF0D : scalar.value) }
  }

  /// Moves the pointer, with buttons in its bits.
  package func pointer(_ x: UInt16, _ y: UInt16, buttons: UInt8) throws {
    try send([5, buttons] + [x, y].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] })
  }

  /// Sends any bytes; ``Failure/ended`` once the server takes no more.
  package func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      // SAFETY: the buffer is as long as it says.
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(descriptor.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Failure.ended }
      rest = rest.dropFirst(count)
    }
  }

  /// Whether the server closes the connection within ten seconds, whatever it sends before.
  package func waitForEnd() -> Bool {
    let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
    var bytes = [UInt8](repeating: 0, count: 65_536)
    while HostClock.monotonicNanoseconds() < deadline {
      // SAFETY: the array is as long as it says.
      let count = unsafe recv(descriptor.rawValue, &bytes, bytes.count, 0)
      if count == 0 || (count < 0 && errno == ECONNRESET) { return true }
      if count < 0 { return false }
    }
    return false
  }

  /// Takes `count` bytes.
  package func receive(_ count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    var part = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < count {
      // SAFETY: the array is at least as long.
      let received = unsafe recv(descriptor.rawValue, &part, min(part.count, count - bytes.count), 0)
      guard received > 0 else { throw Failure.ended }
      bytes += part[..<received]
    }
    return bytes
  }

  private func receiveNumber(_ byteCount: Int) throws -> Int {
    try receive(byteCount).reduce(0) { $0 << 8 | Int($1) }
  }
}
