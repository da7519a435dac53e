import HostSystem
import Hypervisor
import SystemPackage

/// The control socket: several messages of a client, right, wrong and cut short. Each whole one is answered.
final class ControlTarget: FuzzTarget {
  /// A machine that carries out every request.
  private final class Machine: ControlHandler {
    var state: ControlState { .running }
    func pause() -> ControlReply { .done }
    func resume() -> ControlReply { .failed("not paused") }
    func stop() -> ControlReply { .done }
    func pressPowerButton() -> ControlReply { .done }
    func dump() -> ControlReply { .text(String(repeating: "rip", count: 10_000)) }
    func injectNMI(vcpu: Int) -> ControlReply { .done }
    func sendSysrq(_ key: UInt8) -> ControlReply { .done }
    func changeBalloon(deltaMiB: Int) -> ControlReply { .done }
    func statistics() -> ControlReply { .done }
  }

  /// The longest payload that the protocol allows.
  private static let payloadLimit = 256
  private static let replyTimeoutNanoseconds: UInt64 = 5_000_000_000
  private static let silenceLimitNanoseconds = ControlServer.messageTimeoutMilliseconds * 1_000_000

  private let path: String
  private let server: ControlServer

  init(directory: ScratchDirectory) throws {
    let instances = InstanceDirectory(path: directory.file("instances"))
    path = try instances.socketPath(of: "fuzz")
    server = try ControlServer(try instances.claim("fuzz"), handler: Machine())
  }

  deinit { server.stop() }

  func run(_ input: inout FuzzInput) throws {
    let client = try UnixSocket.connected(path: path)
    for _ in 0..<ControlServer.requestLimit where !input.isExhausted {
      let start = HostClock.monotonicNanoseconds()
      let type = input.changed(UInt32(1 + input.below(8)), oneIn: 8)
      let payload = input.take(input.pick([0, 0, 4, 12, 16, input.below(Self.payloadLimit + 1)]))
      let byteCount = input.changed(UInt32(payload.count), oneIn: 16)
      let message = Self.bytes(type) + Self.bytes(byteCount) + payload
      do throws(Errno) {
        guard try client.send(message[...]) == message.count else { return }
      } catch {
        // It was closed for the message before.
        return
      }
      // Of one that says something else of its length, the rest may be waited for, or be taken for the next one.
      guard byteCount == payload.count else { return }
      do { try checkReply(client) } catch Errno.connectionReset {
        // A client that the host's scheduler kept waiting was silent for too long.
        guard HostClock.monotonicNanoseconds() - start < Self.silenceLimitNanoseconds else { return }
        throw FuzzFailure("the connection was reset before a reply")
      }
    }
  }

  /// A status of 0 or 1, and as many bytes as are announced.
  private func checkReply(_ client: borrowing UnixSocket) throws {
    let header = try receive(8, client)
    let status = Self.number(header[...])
    let byteCount = Self.number(header[4...])
    try FuzzFailure.check(status <= 1 && byteCount <= 4 << 20, "a reply starts with \(header)")
    _ = try receive(Int(byteCount), client)
  }

  private func receive(_ byteCount: Int, _ client: borrowing UnixSocket) throws -> [UInt8] {
    let deadline = HostClock.monotonicNanoseconds() + Self.replyTimeoutNanoseconds
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
      guard try client.wait(deadline: deadline) == .ready else { throw FuzzFailure("no reply in time") }
      let part = try client.receive(byteCount: byteCount - bytes.count)
      if part.isEmpty { throw FuzzFailure("a whole message was not answered") }
      bytes += part
    }
    return bytes
  }

  private static func bytes(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32($0 * 8)) }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
