import Glibc
import HostSystem
import Hypervisor
import Logging
import SystemPackage

/// The socket at which front ends of vhost-user connect to one disk, and its file.
final class VhostUserListener: Sendable {
  private let path: String
  private let disk: String
  private let listener: DescriptorStream

  /// Makes the file. One that a dead service left is replaced; a service that listens there is an error.
  init(_ option: VhostUserOption, service: VextService) throws {
    let (path, name) = (option.path, option.disk)
    guard let disk = service.disks.first(where: { $0.name == name }) else {
      throw VextdFailure(description: "--vhost-user \(name)=\(path): no --disk has the name '\(name)'")
    }
    let isOpenToAll = disk.ownerID != geteuid() || disk.groupID != nil
    do throws(Errno) {
      listener = try SocketFile.claim(
        path, connect: { () throws(Errno) in _ = try DescriptorStream.connected(path: path) },
        listen: { () throws(Errno) in try DescriptorStream.listening(path: path, isOpenToAll: isOpenToAll) })
    } catch {
      let reason =
        error == .addressInUse ? "another service listens there, or the file is not a socket" : "\(error)"
      throw VextdFailure(description: "--vhost-user \(name)=\(path): \(reason)")
    }
    self.path = path
    self.disk = name
  }

  /// Takes connections for `service` on a thread of its own, until the service stops.
  func serve(_ service: VextService) throws -> HostThread {
    try HostThread(name: "vextd-vhost", cpus: nil) { [self] in
      do throws(Errno) { try service.serveVhostUser(listener, disk: disk) } catch {
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
