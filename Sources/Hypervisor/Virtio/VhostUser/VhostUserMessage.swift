/// A message of either side: a request's number, flags and a payload. All integers are little-endian, as on every host that we
/// run on.
struct VhostUserMessage: Equatable, Sendable {
  /// The request that it is, or that it answers.
  var request: UInt32
  /// ``VhostUserProtocol/Flag``.
  var flags = VhostUserProtocol.Flag.version
  var payload: [UInt8] = []

  /// A request of a front end.
  init(_ request: VhostUserRequest, payload: [UInt8] = []) {
    self.request = request.rawValue
    self.payload = payload
  }

  /// Any message.
  init(request: UInt32, flags: UInt32, payload: [UInt8] = []) {
    self.request = request
    self.flags = flags
    self.payload = payload
  }

  var isReply: Bool { flags & VhostUserProtocol.Flag.reply != 0 }
  var needsReply: Bool { flags & VhostUserProtocol.Flag.needsReply != 0 }

  /// The reply to this request.
  func reply(_ payload: [UInt8]) -> VhostUserMessage {
    VhostUserMessage(
      request: request, flags: VhostUserProtocol.Flag.version | VhostUserProtocol.Flag.reply, payload: payload
    )
  }

  /// Header and payload.
  var encoded: [UInt8] {
    var writer = VextServiceWriter()
    writer.write(request)
    writer.write(flags)
    writer.write(UInt32(clamping: payload.count))
    return writer.bytes + payload
  }

  /// Reads a header; returns the message without its payload, and the payload's length.
  ///
  /// - Throws: for another version, or a payload that no message has.
  static func decodeHeader(
    _ bytes: [UInt8]
  ) throws(VhostUserError) -> (message: VhostUserMessage, byteCount: Int) {
    let words = words(bytes)
    guard words.count == 3, bytes.count == VhostUserProtocol.headerByteCount else {
      throw .badLength(request: words.first ?? 0, byteCount: bytes.count)
    }
    let flags = words[1]
    guard flags & VhostUserProtocol.Flag.versionMask == VhostUserProtocol.Flag.version else {
      throw .badVersion(flags & VhostUserProtocol.Flag.versionMask)
    }
    guard words[2] <= UInt32(VhostUserProtocol.payloadLimit) else {
      throw .badLength(request: words[0], byteCount: Int(clamping: words[2]))
    }
    return (VhostUserMessage(request: words[0], flags: flags), Int(words[2]))
  }

  /// The payload as one 64-bit integer.
  func integer() throws(VhostUserError) -> UInt64 {
    guard payload.count == 8 else { throw badLength }
    return payload.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The payload as a vring's index and a number.
  func vringState() throws(VhostUserError) -> (index: UInt32, number: UInt32) {
    guard payload.count == 8 else { throw badLength }
    let words = Self.words(payload)
    return (words[0], words[1])
  }

  /// Says that the payload has the wrong length.
  var badLength: VhostUserError { .badLength(request: request, byteCount: payload.count) }

  /// `bytes` as 32-bit words; bytes that fill no word are left out.
  static func words(_ bytes: [UInt8]) -> [UInt32] {
    stride(from: 0, to: bytes.count & ~3, by: 4).map { start in
      bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
  }

  /// `bytes` as 64-bit words; bytes that fill no word are left out.
  static func longWords(_ bytes: [UInt8]) -> [UInt64] {
    stride(from: 0, to: bytes.count & ~7, by: 8).map { start in
      bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  /// A payload of one 64-bit integer.
  static func payload(_ value: UInt64) -> [UInt8] {
    var writer = VextServiceWriter()
    writer.write(value)
    return writer.bytes
  }

  /// A payload of a vring's index and a number.
  static func payload(index: Int, number: UInt32) -> [UInt8] {
    var writer = VextServiceWriter()
    writer.write(UInt32(clamping: index))
    writer.write(number)
    return writer.bytes
  }
}
