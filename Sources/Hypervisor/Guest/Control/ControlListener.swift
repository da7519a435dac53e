import HostSystem
import Logging
import SystemPackage

/// A machine's name, taken: the socket that its commands connect to. Its file goes away with it.
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
      // Somebody else removed it: nothing is left behind.
      if error != .noSuchFileOrDirectory { Logger(label: "control").warning("\(path): \(error)") }
    }
  }
}
