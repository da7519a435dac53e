import HostSystem
import SystemPackage

/// A vhost-user connection: sends and receives whole messages. One thread at a time.
struct VhostUserSocket: ~Copyable, Sendable {
  /// How long the other side may take for the rest of a message, or to read one.
  static let messageNanoseconds: UInt64 = 5_000_000_000

  /// A message with its descriptors, which are closed with it unless they are taken.
  struct Received: ~Copyable {
    let message: VhostUserMessage
    var packet: ReceivedPacket
  }

  let stream: DescriptorStream

  init(_ stream: consuming DescriptorStream) { self.stream = stream }

  /// Sends a message, with copies of `descriptors`.
  func send(_ message: VhostUserMessage, descriptors: [Int32] = []) throws(VhostUserError) {
    do throws(Errno) {
      try stream.send(
        message.encoded, descriptors: descriptors,
        deadline: HostClock.monotonicNanoseconds() &+ Self.messageNanoseconds)
    } catch { throw Self.failure(error) }
  }

  /// Receives a message whose first byte is there, or comes before `deadline`.
  func receive(deadline: UInt64? = nil) throws(VhostUserError) -> Received {
    let deadline = deadline ?? HostClock.monotonicNanoseconds() &+ Self.messageNanoseconds
    let packet = try receive(VhostUserProtocol.headerByteCount, deadline)
    let (header, byteCount) = try VhostUserMessage.decodeHeader(packet.bytes)
    guard byteCount > 0 else { return Received(message: header, packet: packet) }
    let rest = try receive(byteCount, deadline)
    // Descriptors come with the first byte of a message.
    guard rest.descriptorCount == 0 else {
      throw .badDescriptorCount(request: header.request, count: packet.descriptorCount + rest.descriptorCount)
    }
    let message = VhostUserMessage(request: header.request, flags: header.flags, payload: rest.bytes)
    return Received(message: message, packet: packet)
  }

  private func receive(_ byteCount: Int, _ deadline: UInt64) throws(VhostUserError) -> ReceivedPacket {
    let packet: ReceivedPacket
    do throws(Errno) { packet = try stream.receive(byteCount: byteCount, deadline: deadline) } catch {
      throw Self.failure(error)
    }
    guard !packet.bytes.isEmpty else { throw .closed }
    return packet
  }

  /// What an error of the socket means.
  private static func failure(_ error: Errno) -> VhostUserError {
    switch error {
    case .brokenPipe, .connectionReset, .socketNotConnected: .closed
    case .timedOut: .timedOut
    default: .failed(error)
    }
  }
}
