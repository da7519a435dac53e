/// The task of the guest's init, instead of a shell.
public struct GuestTask: Equatable, Sendable {
  /// The command and its arguments, unchanged; empty for a shell.
  public var arguments: [String]
  /// A script to run instead of the command, with all of ``arguments`` as its arguments.
  public var script: [UInt8]?
  /// Variables, each NAME=VALUE. PATH, HOME, USER and TERM have defaults.
  public var environment: [String]
  /// The working directory: a path of the guest, or of the host's files if the guest has no such directory.
  ///
  /// The default is the home directory.
  public var directory: String?

  /// Makes the task of a command.
  public init(
    arguments: [String] = [], script: [UInt8]? = nil, environment: [String] = [], directory: String? = nil
  ) {
    self.arguments = arguments
    self.script = script
    self.environment = environment
    self.directory = directory
  }
}
