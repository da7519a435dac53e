import Hypervisor

/// `lkvm run`: boots a guest and stays with it until it ends.
struct RunGuestCommand: Subcommand {
  static let description = CommandDescription(
    name: "run", abstract: "Boots a guest and stays with it until it ends.",
    discussion: """
      'lkvm run KERNEL' boots a kernel; 'lkvm run --firmware FILE -d DISK' boots a disk; 'lkvm run -- COMMAND' runs a command in a guest over the host's files and ends \
      with its exit code. Ctrl-A x ends the guest.
      """,
    operand: .optional("KERNEL", .files), takesCommand: true)
  static var options: [OptionRow<RunSettings>] { RunOptions.rows }
  static var defaults: RunSettings { RunSettings() }

  let settings: RunSettings
  /// The kernel as a word of its own.
  let kernelFile: String?
  /// The guest's command; empty for none.
  let command: [String]

  init(_ line: CommandLineParser<RunSettings>.Line) throws(LkvmFailure) {
    (settings, kernelFile, command) = (line.settings, line.operands.first, line.command)
    if kernelFile != nil, settings.kernel.kernel != nil {
      throw .usage("--kernel and a kernel as argument exclude each other")
    }
    try settings.check(kernelFile: kernelFile, command: command)
  }

  func run(_ startUp: StartUpClock) throws -> Int32 {
    try GuestRun.perform(settings, kernelFile: kernelFile, command: command, startUp: startUp)
  }
}
