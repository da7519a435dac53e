import Glibc
import HostSystem
import Hypervisor
import Synchronization
import SystemPackage
import Testing

/// A machine that records the commands that it gets.
final class FakeMachine: ControlHandler {
  private let log = Mutex<[String]>([])
  private let isPaused = Atomic<Bool>(false)

  /// What was asked for, in order.
  var calls: [String] { log.withLock { $0 } }

  private func note(_ call: String, _ reply: ControlReply = .done) -> ControlReply {
    log.withLock { $0.append(call) }
    return reply
  }

  var state: ControlState { isPaused.load(ordering: .relaxed) ? .paused : .running }

  func pause() -> ControlReply {
    isPaused.exchange(true, ordering: .relaxed) ? note("pause", .failed("paused already")) : note("pause")
  }

  func resume() -> ControlReply {
    isPaused.exchange(false, ordering: .relaxed) ? note("resume") : note("resume", .failed("not paused"))
  }

  func stop() -> ControlReply { note("stop") }
  func pressPowerButton() -> ControlReply { note("power button") }
  func dump() -> ControlReply { note("dump", .text("rip 0")) }
  func injectNMI(vcpu: Int) -> ControlReply {
    vcpu == 0 ? note("nmi \(vcpu)") : note("nmi \(vcpu)", .failed("no vCPU \(vcpu)"))
  }
  func sendSysrq(_ key: UInt8) -> ControlReply { note("sysrq \(key)") }
  func changeBalloon(deltaMiB: Int) -> ControlReply { note("balloon \(deltaMiB)") }
  func statistics() -> ControlReply { note("statistics", .text(String(repeating: "x", count: 100_000))) }
}

/// A directory of instances of its own, removed at the end.
final class ControlFixture {
  let path: String
  let directory: InstanceDirectory

  init() throws {
    var template = Array("/tmp/lkvm-XXXXXX".utf8CString)
    guard unsafe template.withUnsafeMutableBufferPointer({ unsafe mkdtemp($0.baseAddress!) }) != nil else {
      throw Errno(rawValue: errno)
    }
    let base = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = base + "/instances"
    directory = InstanceDirectory(path: path)
  }

  deinit {
    for name in entries { unsafe _ = unlink("\(path)/\(name)") }
    unsafe _ = rmdir(path)
    unsafe _ = rmdir(String(path.dropLast("/instances".count)))
  }

  /// The files in the directory.
  var entries: [String] {
    guard let stream = unsafe opendir(path) else { return [] }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  /// Permission bits of a file.
  static func mode(_ path: String) -> mode_t {
    var status = stat()
    return unsafe stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  /// A machine that listens as `name`.
  func start(_ name: String) throws -> (server: ControlServer, machine: FakeMachine) {
    let machine = FakeMachine()
    return (try ControlServer(try directory.claim(name), handler: machine), machine)
  }

  /// Leaves a socket behind that nobody listens at, as a killed process does.
  func leaveDeadSocket(_ name: String) throws {
    let socket = try UnixSocket.listening(path: "\(path)/\(name).sock")
    _ = consume socket
  }
}

/// A client that writes bytes as it likes.
struct RawClient: ~Copyable {
  private let socket: UnixSocket

  init(_ path: String) throws { socket = try UnixSocket.connected(path: path) }

  func send(_ bytes: [UInt8]) throws { #expect(try socket.send(bytes[...]) == bytes.count) }

  /// What comes within `milliseconds`; empty once the other side has closed, nil if nothing came.
  func receive(milliseconds: UInt64 = 5000) throws -> [UInt8]? {
    let deadline = HostClock.monotonicNanoseconds() + milliseconds * 1_000_000
    guard try socket.wait(deadline: deadline) == .ready else { return nil }
    do throws(Errno) { return try socket.receive(byteCount: 4096) } catch {
      // Closed with bytes of ours unread.
      guard error == .connectionReset else { throw error }
      return []
    }
  }

  /// A message's bytes.
  static func message(_ type: UInt32, byteCount: UInt32? = nil, _ payload: [UInt8] = []) -> [UInt8] {
    [type, byteCount ?? UInt32(payload.count)].flatMap { number in
      (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32($0 * 8)) }
    } + payload
  }
}
