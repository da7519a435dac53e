import Glibc
import HostSystem
import Hypervisor
import Logging
import SystemPackage

/// The socket that clients connect to, and its file.
final class ServiceSocket: Sendable {
  private let path: String
  private let listener: PacketSocket
  /// Whether systemd made the file, and removes it.
  private let isInherited: Bool

  /// Takes systemd's socket (sd_listen_fds(3)) or makes the file. One that a dead service left is replaced; a service that
  /// listens there is an error.
  init(path: String, isOpenToAll: Bool) throws {
    self.path = path
    isInherited = Self.inheritsSocket
    do throws(Errno) {
      listener =
        isInherited
        ? try PacketSocket.inherited(3)
        : try SocketFile.claim(
          path, connect: { () throws(Errno) in _ = try PacketSocket.connected(path: path) },
          listen: { () throws(Errno) in try PacketSocket.listening(path: path, isOpenToAll: isOpenToAll) })
    } catch {
      throw VextdFailure(
        description: isInherited
          ? "systemd's socket: \(error); it must be one of ListenSequentialPacket"
          : error == .addressInUse
            ? "--socket \(path): another service listens there, or the file is not a socket"
            : "--socket \(path): \(error)")
    }
  }

  /// Whether this process, and not one that made it, was given one socket.
  private static var inheritsSocket: Bool {
    func number(_ name: String) -> Int32? {
      unsafe getenv(name).flatMap { unsafe Int32(String(cString: $0)) }
    }
    return number("LISTEN_PID") == getpid() && number("LISTEN_FDS") == 1
  }

  /// Takes connections for `service` on a thread of its own, until the service stops.
  func serve(_ service: VextService) throws -> HostThread {
    try HostThread(name: "vextd-accept", cpus: nil) { [self] in
      do throws(Errno) { try service.serve(listener) } catch {
        Logger(label: "vextd").error("\(path): \(error); no more connections are taken")
      }
    }
  }

  /// Removes the file.
  func remove() {
    if isInherited { return }
    do throws(Errno) { try UnixSocket.remove(path: path) } catch {
      // Somebody else has removed it: what was wanted is so.
      Logger(label: "vextd").debug("\(path): \(error)")
    }
  }
}

/// The file of a Unix socket.
enum SocketFile {
  /// Listens at `path`; replaces a socket at which nobody listens any more.
  ///
  /// - Parameter connect: connects, and throws ECONNREFUSED if nobody listens.
  static func claim<Socket: ~Copyable>(
    _ path: String, connect: () throws(Errno) -> Void, listen: () throws(Errno) -> Socket
  ) throws(Errno) -> Socket {
    do throws(Errno) { return try listen() } catch {
      guard error == .addressInUse, try UnixSocket.isSocket(path: path) else { throw error }
      do throws(Errno) { try connect() } catch {
        guard error == .connectionRefused else { throw .addressInUse }
        try UnixSocket.remove(path: path)
        return try listen()
      }
      throw error
    }
  }
}
