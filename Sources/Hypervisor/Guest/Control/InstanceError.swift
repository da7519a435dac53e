public import SystemPackage

/// Why a machine cannot have its name, or cannot be found by it; says so in a line.
public enum InstanceError: Error, Equatable, CustomStringConvertible, Sendable {
  /// Neither LKVM_HOME nor HOME says where machines are to be found.
  case noHome
  /// The name is empty, or has a character that no file name of ours has.
  case badName(String)
  /// The socket's path would be longer than an address may be.
  case nameTooLong(String, byteLimit: Int)
  /// A machine of this name runs.
  case nameInUse(String)
  /// No machine of this name runs.
  case notRunning(String)
  /// Where the socket would be, there is a file of another kind.
  case notASocket(path: String)
  /// The machine of this name cannot be talked to.
  case control(name: String, ControlError)
  /// The operating system said no.
  case system(path: String, Errno)

  /// One line for a person.
  public var description: String {
    switch self {
    case .noHome: "neither LKVM_HOME nor HOME is set"
    case .badName(let name):
      "'\(name)' is no name for a machine: it is empty, starts with a dot, or has a slash or a space in it"
    case .nameTooLong(let name, let limit): "the name '\(name)' is too long: \(limit) bytes are left for it"
    case .nameInUse(let name): "a machine named '\(name)' runs already"
    case .notRunning(let name): "no machine named '\(name)' runs"
    case .notASocket(let path): "\(path) is in the way: it is no socket"
    case .control(let name, let error): "\(name): \(error)"
    case .system(let path, let errno): "\(path): \(errno)"
    }
  }
}
