public import SystemPackage

/// The reason why a machine cannot claim its name, or cannot be found by it.
public enum InstanceError: Error, Equatable, CustomStringConvertible, Sendable {
  /// Neither LKVM_HOME nor HOME is set, so that the folder of sockets is unknown.
  case noHome
  /// The name is empty or has a character that names must not have.
  case badName(String)
  /// The path of the socket is longer than the limit of an address.
  case nameTooLong(String, byteLimit: Int)
  /// A machine of this name runs.
  case nameInUse(String)
  /// No machine of this name runs.
  case notRunning(String)
  /// The socket's path belongs to a file of another kind.
  case notASocket(path: String)
  /// Others could put sockets of their own into the directory, or take ours away.
  case writableByOthers(path: String)
  /// The communication with the machine of this name failed.
  case control(name: String, ControlError)
  /// A system call failed.
  case system(path: String, Errno)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .noHome: "neither LKVM_HOME nor HOME is set"
    case .badName(let name):
      "machine name '\(name)': it must not be empty, start with a dot, or contain a slash or a space"
    case .nameTooLong(let name, let limit):
      "machine name '\(name)': too long; the limit in this folder is \(limit) bytes"
    case .nameInUse(let name): "a machine named '\(name)' runs already"
    case .notRunning(let name): "no machine named '\(name)' runs"
    case .notASocket(let path): "\(path) is not a socket; remove it"
    case .writableByOthers(let path):
      "\(path): other users may change this folder; take that right away with 'chmod go-w \(path)'"
    case .control(let name, let error): "\(name): \(error)"
    case .system(let path, let errno): "\(path): \(errno)"
    }
  }
}
