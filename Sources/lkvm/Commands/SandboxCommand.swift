import Hypervisor

/// `lkvm sandbox`: `lkvm run` with a command.
struct SandboxCommand: Subcommand {
  static let description = CommandDescription(
    name: "sandbox", abstract: "Runs a command in a guest over the host's files and ends with its exit code.",
    takesCommand: true, operandBeginsCommand: true)
  static var options: [OptionRow<RunSettings>] { RunOptions.rows }
  static var defaults: RunSettings { RunSettings() }

  let settings: RunSettings
  /// The guest's command, unless `--sandbox` names a script.
  let command: [String]

  init(_ line: CommandLineParser<RunSettings>.Line) throws(LkvmFailure) {
    (settings, command) = (line.settings, line.command)
    guard settings.runsCommand(command) else {
      throw .usage("name a command: lkvm sandbox [OPTION...] COMMAND")
    }
    try settings.check(kernelFile: nil, command: command)
  }

  func run(_ startUp: StartUpClock) throws -> Int32 {
    try GuestRun.perform(settings, kernelFile: nil, command: command, startUp: startUp)
  }
}
