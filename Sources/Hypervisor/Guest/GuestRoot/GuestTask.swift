/// What the guest's init is to run, instead of a shell.
public struct GuestTask: Equatable, Sendable {
  /// The command and its arguments, passed on byte by byte; empty for a shell.
  public var arguments: [String]
  /// The contents of a script that is run instead of the command, with all of ``arguments`` as its arguments.
  public var script: [UInt8]?
  /// Variables, each NAME=VALUE. PATH, HOME, USER and TERM have defaults.
  public var environment: [String]
  /// Where it starts: as a path of the guest, or of the host's files if the guest has no such directory. By default
  /// the home directory.
  public var directory: String?

  /// A command.
  public init(
    arguments: [String] = [], script: [UInt8]? = nil, environment: [String] = [], directory: String? = nil
  ) {
    self.arguments = arguments
    self.script = script
    self.environment = environment
    self.directory = directory
  }
}
