import HostSystem
import SystemPackage
import VextProtocol

/// A client's end of a connection to vextd: one request at a time. One thread at a time.
struct VextServiceConnection: ~Copyable, Sendable {
  /// How a request ended that has no reply.
  enum Failure: Error, Equatable, Sendable {
    /// The service has closed the connection.
    case closed
    /// There was no reply in time, or one that breaks the rules.
    case broken
  }

  /// How long the service may take for what it does not do on a disk.
  static let timeoutNanoseconds: UInt64 = 5_000_000_000

  let path: String
  let socket: PacketSocket
  /// What a queue of the service may ask for.
  private(set) var offeredFeatures: VextFeatures = []
  private var lastTag: UInt32 = 0

  init(path: String, socket: consuming PacketSocket) {
    self.path = path
    self.socket = socket
  }

  /// Connects, and waits where many others connect too.
  static func open(path: String) throws(VextServiceError) -> VextServiceConnection {
    let deadline = HostClock.monotonicNanoseconds() &+ timeoutNanoseconds
    while true {
      do throws(Errno) {
        return VextServiceConnection(path: path, socket: try PacketSocket.connected(path: path))
      } catch {
        guard error == .wouldBlock, HostClock.monotonicNanoseconds() < deadline else {
          throw .cannotConnect(path: path, error)
        }
        HostClock.sleep(nanoseconds: 1_000_000)
      }
    }
  }

  /// Sends `request` and waits for the reply.
  ///
  /// - Parameter deadline: of ``HostClock/monotonicNanoseconds()``; nil waits as long as the service is there.
  mutating func ask(
    _ request: VextServiceRequest, descriptors: [Int32] = [], deadline: UInt64?
  ) throws(Failure) -> VextServiceReply {
    lastTag &+= 1
    do throws(Errno) {
      try socket.send(request.encoded(tag: lastTag), descriptors: descriptors)
      guard try socket.wait(deadline: deadline) == .ready else { throw Errno.timedOut }
      let packet = try socket.receive(byteLimit: VextServiceRequest.byteLimit)
      if packet.bytes.isEmpty { throw Errno.brokenPipe }
      guard packet.descriptorCount == 0 else { throw Errno.badMessage }
      do throws(VextServiceViolation) {
        return try VextServiceReply.decode(packet.bytes, to: request, tag: lastTag)
      } catch { throw Errno.badMessage }
    } catch {
      switch error {
      case .brokenPipe, .connectionReset, .socketNotConnected: throw .closed
      default: throw .broken
      }
    }
  }

  /// Lets the service see the end, and returns when it has closed the connection.
  borrowing func waitForEnd() {
    socket.endSending()
    while true {
      do throws(Errno) {
        _ = try socket.wait()
        if try socket.receive(byteLimit: VextServiceRequest.byteLimit).bytes.isEmpty { return }
      } catch {
        switch error {
        case .wouldBlock, .messageTooLong: continue
        default: return
        }
      }
    }
  }

  /// Sends `request` and waits for the reply as ``ask(_:descriptors:deadline:)`` within ``timeoutNanoseconds``, in words for a person.
  mutating func askAtStart(
    _ request: VextServiceRequest, _ name: String, descriptors: [Int32] = [],
    nanoseconds: UInt64 = Self.timeoutNanoseconds
  ) throws(VextServiceError) -> VextServiceReply {
    let reply: VextServiceReply
    do throws(Failure) {
      reply = try ask(
        request, descriptors: descriptors,
        deadline: HostClock.monotonicNanoseconds() &+ nanoseconds)
    } catch { throw .lost(path: path) }
    guard case .failed(let error) = reply else { return reply }
    throw .refused(path: path, request: name, error)
  }

  /// Agrees on the version.
  mutating func greet() throws(VextServiceError) {
    let reply = try askAtStart(.hello(version: VextServiceRequest.version, features: 0), "greeting")
    guard case .hello(let version, let features) = reply else { throw .lost(path: path) }
    guard version == VextServiceRequest.version else { throw .wrongVersion(path: path, version) }
    offeredFeatures = VextFeatures(rawValue: features)
  }

  /// Opens the disk `name`.
  mutating func openDisk(_ name: String) throws(VextServiceError) -> VextDiskGeometry {
    let reply: VextServiceReply
    do throws(VextServiceError) { reply = try askAtStart(.open(disk: name), "open '\(name)'") } catch {
      switch error {
      case .refused(_, _, .noSuchFileOrDirectory): throw .noSuchDisk(path: path, name: name)
      case .refused(_, _, .permissionDenied): throw .denied(path: path, name: name)
      case .refused(_, _, .resourceBusy): throw .inUse(path: path, name: name)
      default: throw error
      }
    }
    guard case .open(let geometry) = reply else { throw .lost(path: path) }
    return geometry
  }
}
