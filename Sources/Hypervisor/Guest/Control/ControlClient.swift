import CLinux
import HostSystem
import SystemPackage

/// A command's connection to a running machine. One thread at a time; a call blocks until the reply or a time-out.
public struct ControlClient: ~Copyable {
  /// Default time limit for a reply; the machine may serve other clients first.
  public static let defaultTimeoutMilliseconds: UInt64 = 10_000

  private let connection: ControlConnection
  private let peer: Int32?
  private let timeoutMilliseconds: UInt64

  /// Connects to the machine that listens at `path`.
  public init(
    path: String, timeoutMilliseconds: UInt64 = ControlClient.defaultTimeoutMilliseconds
  ) throws(ControlError) {
    let socket = try Self.connect(path, deadline: Self.deadline(timeoutMilliseconds))
    peer = socket.peerProcessID
    connection = ControlConnection(socket)
    self.timeoutMilliseconds = timeoutMilliseconds
  }

  /// Sends a request and waits for the reply.
  ///
  /// A process that is stopped is not asked, because it would carry the request out when it goes on, which may be long after.
  public func send(_ request: ControlRequest) throws(ControlError) -> ControlReply {
    if let peer, Self.isStopped(peer) { throw .processStopped(peer) }
    let deadline = Self.deadline(timeoutMilliseconds)
    try connection.send(request.encoded, deadline: deadline)
    let (status, payload) = try connection.receive(limit: ControlReply.payloadLimit, deadline: deadline)
    return try ControlReply(status: status, payload: payload)
  }

  /// Returns the process id of the machine, as this process sees it: a jailed machine has another number for itself.
  public func processID() throws(ControlError) -> Int32 {
    let own = Int32(bitPattern: try number(.processID))
    return peer ?? own
  }

  /// Returns whether the machine is paused.
  public func state() throws(ControlError) -> ControlState {
    guard let state = ControlState(rawValue: try number(.state)) else { throw .malformedReply }
    return state
  }

  private static func connect(_ path: String, deadline: UInt64) throws(ControlError) -> UnixSocket {
    while true {
      do throws(Errno) { return try UnixSocket.connected(path: path) } catch {
        switch error {
        case .connectionRefused, .noSuchFileOrDirectory: throw .notRunning(path: path)
        // Too many other clients wait for the machine, so that the kernel does not queue this one.
        case .wouldBlock:
          guard HostClock.monotonicNanoseconds() < deadline else { throw .timedOut }
          HostClock.sleep(nanoseconds: 10_000_000)
        default: throw .system(error)
        }
      }
    }
  }

  /// Whether a process is stopped, by a signal or by a debugger: the third field of proc_pid_stat(5).
  private static func isStopped(_ process: Int32) -> Bool {
    let bytes: [UInt8]
    do throws(Errno) {
      let file = try OwnedDescriptor.open("/proc/\(process)/stat", flags: O_RDONLY)
      bytes = try DescriptorBytes.read(file.rawValue, limit: 256)
    } catch {
      // It has just ended, or is not to be seen from here: the request tells.
      return false
    }
    // The second field is the program's name in brackets, in which there may be any character.
    guard let end = bytes.lastIndex(of: UInt8(ascii: ")")), end + 2 < bytes.count else {
      return false
    }
    return bytes[end + 2] == UInt8(ascii: "T") || bytes[end + 2] == UInt8(ascii: "t")
  }

  private static func deadline(_ milliseconds: UInt64) -> UInt64 {
    HostClock.monotonicNanoseconds() + min(milliseconds, UInt64(UInt32.max)) * 1_000_000
  }

  private func number(_ request: ControlRequest) throws(ControlError) -> UInt32 {
    guard case .ok(let bytes) = try send(request), bytes.count == 4 else { throw .malformedReply }
    return WireNumber.number(bytes[...])
  }
}
