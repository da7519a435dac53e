import HostSystem
import Logging
import SystemPackage

/// A claimed name of a machine: the socket to which its commands connect. The socket's file is removed with it.
public struct ControlListener: ~Copyable, Sendable {
  /// The machine's name.
  public let name: String
  /// The socket's file.
  public let path: String
  let socket: UnixSocket

  init(name: String, path: String, socket: consuming UnixSocket) {
    self.name = name
    self.path = path
    self.socket = socket
  }

  deinit {
    do throws(Errno) { try UnixSocket.remove(path: path) } catch {
      // No error if another process has removed it.
      if error != .noSuchFileOrDirectory { Logger(label: "control").warning("\(path): \(error)") }
    }
  }
}
