import CLinux
import HostSystem
import Synchronization
import SystemPackage

@testable import Hypervisor

/// A vhost-user back end on a thread of the test: it answers as a block device does, except where a script says otherwise.
final class ScriptedBackEnd: Sendable {
  /// What it does with a request.
  enum Action: Sendable {
    /// Sends these bytes, whatever they are.
    case bytes([UInt8])
    /// Sends a message with as many copies of a descriptor.
    case message(VhostUserMessage, descriptorCount: Int)
    /// Answers nothing.
    case silence
    /// Closes the connection.
    case close
  }

  typealias Script = @Sendable (VhostUserMessage) -> Action?

  struct State {
    var messages: [VhostUserMessage] = []
    /// Descriptors that came with the last message of each request.
    var descriptors: [UInt32: [Int32]] = [:]
    var configuration = ScriptedBackEnd.configuration(sectorCount: 256)
    var connectionCount = 0
    var isAway = false
    var sockets: [Int32] = []
  }

  static let features: VirtioFeatures = [
    .version1, .indirectDescriptors, .eventIndex, .blockFlush, .blockMultiqueue, .vhostUserProtocol,
  ]

  let state = Mutex(State())
  private let script: Script
  let protocolFeatures: VhostUserProtocolFeatures
  private let queueCount: Int

  init(
    protocolFeatures: VhostUserProtocolFeatures = [
      .multiqueue, .replyAcknowledgement, .configuration, .backEndChannel,
    ], queueCount: Int = 4, script: @escaping Script = { _ in nil }
  ) {
    self.protocolFeatures = protocolFeatures
    self.queueCount = queueCount
    self.script = script
  }

  /// A block device's configuration: its size, and four queues.
  static func configuration(sectorCount: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 60)
    bytes[0] = UInt8(truncatingIfNeeded: sectorCount)
    bytes[1] = UInt8(truncatingIfNeeded: sectorCount >> 8)
    bytes[34] = 4
    return bytes
  }

  /// Makes a connection, which a thread of its own serves.
  func connect() throws(Errno) -> DescriptorStream {
    guard !state.withLock({ $0.isAway }) else { throw .connectionRefused }
    var other: OwnedDescriptor?
    let stream = try DescriptorStream(other: &other)
    guard let number = other.take()?.release() else { throw .badFileDescriptor }
    state.withLock {
      $0.connectionCount += 1
      $0.sockets.append(number)
    }
    _ = try HostThread(name: "back-end", cpus: nil) { [self] in serve(number) }
    return stream
  }

  /// Ends the connections as a crash does.
  func endConnections() {
    for number in state.withLock({ $0.sockets }) { linux_socket_end(number) }
  }

  /// The requests of a kind that came so far.
  func requests(_ request: VhostUserRequest) -> [VhostUserMessage] {
    state.withLock { $0.messages.filter { $0.request == request.rawValue } }
  }

  /// A descriptor that came with the last message of a request.
  func descriptor(_ request: VhostUserRequest) -> Int32? {
    state.withLock { $0.descriptors[request.rawValue]?.first }
  }

  private func serve(_ number: Int32) {
    let socket = VhostUserSocket(DescriptorStream(adopting: OwnedDescriptor(adopting: number)))
    do throws(VhostUserError) {
      while true {
        var received = try socket.receive(deadline: HostClock.monotonicNanoseconds() &+ 60_000_000_000)
        let message = received.message
        var numbers: [Int32] = []
        while let descriptor = received.packet.takeDescriptor() { numbers.append(descriptor.release()) }
        state.withLock {
          $0.messages.append(message)
          if !numbers.isEmpty { $0.descriptors[message.request] = numbers }
        }
        switch script(message) ?? answer(message) {
        case .silence: continue
        case .close: throw .closed
        case .bytes(let bytes):
          do throws(Errno) {
            try socket.stream.send(bytes, deadline: HostClock.monotonicNanoseconds() &+ 1_000_000_000)
          } catch { throw .failed(error) }
        case .message(let reply, let count):
          let descriptors = [Int32](repeating: socket.stream.rawValue, count: count)
          try socket.send(reply, descriptors: descriptors)
        }
      }
    } catch { socket.stream.end() }
    state.withLock { $0.sockets.removeAll { $0 == number } }
  }

  private func answer(_ message: VhostUserMessage) -> Action {
    func reply(_ payload: [UInt8]) -> Action { .message(message.reply(payload), descriptorCount: 0) }
    switch VhostUserRequest(rawValue: message.request) {
    case .getFeatures: return reply(VhostUserMessage.payload(Self.features.rawValue))
    case .getProtocolFeatures: return reply(VhostUserMessage.payload(protocolFeatures.rawValue))
    case .getQueueCount: return reply(VhostUserMessage.payload(UInt64(queueCount)))
    case .getConfiguration:
      let bytes = state.withLock { $0.configuration }
      return reply(Array(message.payload.prefix(12)) + bytes)
    case .getVringBase: return reply(Array(message.payload.prefix(4)) + [7, 0, 0, 0])
    case .getInflight:
      let description = VhostUserInflight.Description(
        byteCount: 4096, offset: 0, queueCount: 4, queueSize: 256)
      return .message(message.reply(description.encoded), descriptorCount: 1)
    default: return message.needsReply ? reply(VhostUserMessage.payload(0)) : .silence
    }
  }
}
