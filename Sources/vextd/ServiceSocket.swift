import HostSystem
import Hypervisor
import Logging
import SystemPackage

/// The socket that clients connect to, and its file.
final class ServiceSocket: Sendable {
  private let path: String
  private let listener: PacketSocket

  /// Makes the file. One that a dead service left is replaced; a service that listens there is an error.
  init(path: String, isOpenToAll: Bool) throws {
    self.path = path
    do throws(Errno) {
      listener = try Self.listen(path, isOpenToAll)
    } catch {
      throw VextdFailure(
        description: error == .addressInUse
          ? "--socket \(path): another service listens there, or the file is no socket"
          : "--socket \(path): \(error)")
    }
  }

  private static func listen(_ path: String, _ isOpenToAll: Bool) throws(Errno) -> PacketSocket {
    do throws(Errno) {
      return try PacketSocket.listening(path: path, isOpenToAll: isOpenToAll)
    } catch {
      guard error == .addressInUse, try UnixSocket.isSocket(path: path), isStale(path) else { throw error }
    }
    try UnixSocket.remove(path: path)
    return try PacketSocket.listening(path: path, isOpenToAll: isOpenToAll)
  }

  /// Whether nobody listens there any more.
  private static func isStale(_ path: String) -> Bool {
    do throws(Errno) {
      _ = try PacketSocket.connected(path: path)
      return false
    } catch { return error == .connectionRefused }
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
    do throws(Errno) { try UnixSocket.remove(path: path) } catch {
      // Somebody else has removed it: what was wanted is so.
      Logger(label: "vextd").debug("\(path): \(error)")
    }
  }
}
