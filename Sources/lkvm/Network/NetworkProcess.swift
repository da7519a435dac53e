import Glibc
import HostSystem
import Hypervisor
import Synchronization
import SystemPackage
import UserNetwork

/// A network in user space in a process of its own, so that a hole in libslirp does not open the guest's process.
///
/// Frames pass over a socket pair; what the guest sends before libslirp is loaded waits in it. The process, a
/// ``NetworkProcessCommand``, ends when the guest's end of the pair is closed, for whatever reason.
final class NetworkProcess: Sendable {
  /// The time for loading libslirp and binding ports, on a busy host.
  private static let startNanoseconds: UInt64 = 20_000_000_000
  private static let stopNanoseconds: UInt64 = 2_000_000_000
  /// Where the channel is among the process's descriptors.
  private static let channelIndex = 1
  /// Any byte starts the process's program.
  private static let beginning: UInt8 = 0
  /// Where Debian and other distributions of x86-64 have the library.
  private static let libraryPaths = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"]
    .map {
      "\($0)/\(UserNetwork.libraryName)"
    }

  /// How far the process is.
  private enum Stage {
    case waiting
    /// It loads, and must answer before the time.
    case loading(deadline: UInt64)
    case ready
  }

  /// The guest's end.
  let port: FramePort
  /// Whether what can be expected to fail is known before it begins: the library is there, and no port of the host is needed.
  let mayBeginLate: Bool
  private let channel: DescriptorStream
  private let stage = Mutex(Stage.waiting)

  /// Makes the process and returns at once. It loads nothing before ``begin()``.
  ///
  /// - Parameters:
  ///   - policy: whether it gives up rights.
  ///   - user: whom it belongs to in a jail.
  init(_ network: NetworkOptions, policy: SandboxPolicy, user: JailUser?) throws(LkvmFailure) {
    mayBeginLate = network.forwards.isEmpty && Self.libraryPaths.contains(where: NamedFiles.exists)
    do throws(Errno) {
      let ends = try FramePort.socketPair()
      var other: OwnedDescriptor?
      channel = try DescriptorStream(other: &other)
      port = ends.port
      // Standard output is the guest's console.
      let null = try OwnedDescriptor.open("/dev/null", flags: O_RDWR)
      let process = try ChildProcess(
        path: "/proc/self/exe",
        arguments: [
          NetworkProcessCommand.name, policy.rawValue, user?.text ?? "", network.userModeText,
        ],
        environment: Self.environment, output: null.rawValue,
        descriptors: [ends.peer.rawValue, other?.rawValue ?? -1], gate: Self.channelIndex)
      process.release()
      // Until here: the process has copies.
      extendLifetime(ends.peer)
      extendLifetime(other)
      extendLifetime(null)
    } catch {
      throw LkvmFailure("--network: a process for libslirp: \(error)")
    }
  }

  /// What the loader needs where the Swift runtime is in a folder of its own.
  private static var environment: [String: String] {
    let name = "LD_LIBRARY_PATH"
    return unsafe getenv(name).map { unsafe [name: String(cString: $0)] } ?? [:]
  }

  /// Lets the process load libslirp; does not block. Twice does no harm.
  func begin() throws(LkvmFailure) {
    let deadline = HostClock.monotonicNanoseconds() + Self.startNanoseconds
    let isFirst = stage.withLock { stage in
      guard case .waiting = stage else { return false }
      stage = .loading(deadline: deadline)
      return true
    }
    guard isFirst else { return }
    do throws(Errno) { try channel.send([Self.beginning], deadline: deadline) } catch {
      throw Self.noAnswer(error)
    }
  }

  /// When the process must have answered, in nanoseconds of `HostClock`; nil if it has, or has not begun.
  var deadline: UInt64? {
    stage.withLock { stage in
      guard case .loading(let deadline) = stage else { return nil }
      return deadline
    }
  }

  /// Lets the process load libslirp, and waits until the network is there and the process has given up its rights. Twice
  /// does no harm.
  func waitUntilReady() throws(LkvmFailure) {
    try begin()
    guard let deadline else { return }
    let text: [UInt8]
    do throws(Errno) {
      guard let length = try channel.receive(byteCount: 1, deadline: deadline).bytes.first else {
        throw .connectionReset
      }
      guard length > 0 else { return stage.withLock { $0 = .ready } }
      text = try channel.receive(byteCount: Int(length), deadline: deadline).bytes
    } catch {
      throw Self.noAnswer(error)
    }
    throw LkvmFailure("--network: \(String(decoding: text, as: UTF8.self))")
  }

  private static func noAnswer(_ error: Errno) -> LkvmFailure {
    LkvmFailure("--network: the process of libslirp gave no answer: \(error)")
  }

  /// A descriptor that is readable when the process has answered, and when it has ended.
  var channelDescriptor: Int32 { channel.rawValue }

  /// Ends the network and waits until its ports are free, two seconds at most.
  func stop() {
    port.end()
    // One that waits to begin holds nothing, and ends with this object.
    if stage.withLock({ if case .waiting = $0 { true } else { false } }) { return }
    // It says nothing more; an error means that it does not end in time, and then it will do so alone.
    _ = try? channel.receive(
      byteCount: 1, deadline: HostClock.monotonicNanoseconds() + Self.stopNanoseconds)
  }
}

extension NetworkOptions {
  /// The option's text for a network in user space with these settings.
  fileprivate var userModeText: String {
    var words = ["mode=user", "guest_ip=\(guestAddress)"]
    if let hostAddress { words.append("host_ip=\(hostAddress)") }
    if let mtu { words.append("mtu=\(mtu)") }
    if allowsHostLoopback { words.append("loopback=on") }
    if isRestricted { words.append("restrict=on") }
    words += allowedNetworks.map { "allow=\($0)" }
    words += forwards.map { forward in
      let guest = forward.guestAddress.map { "\($0)" } ?? ""
      return
        "hostfwd=\(forward.transport.rawValue):\(forward.hostAddress):\(forward.hostPort)-\(guest):\(forward.guestPort)"
    }
    return words.joined(separator: ",")
  }
}
