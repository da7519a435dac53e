import Glibc
import HostSystem
import Hypervisor
import SystemPackage

/// The command `lkvm`.
@main
enum LkvmCommand {
  /// The effect of the command, for help.
  static let abstract = "Runs virtual machines on KVM, as kvmtool does."

  /// Every command, in the order of help.
  static var subcommands: [AnySubcommand] {
    [
      AnySubcommand(RunGuestCommand.self), AnySubcommand(SandboxCommand.self),
      AnySubcommand(SetupCommand.self),
      AnySubcommand(ListCommand.self), AnySubcommand(StopCommand.self), AnySubcommand(PauseCommand.self),
      AnySubcommand(ResumeCommand.self), AnySubcommand(StatCommand.self), AnySubcommand(BalloonCommand.self),
      AnySubcommand(DebugCommand.self), AnySubcommand(VersionCommand.self),
    ]
  }

  /// Runs the command line. Every failure is one line on standard error that begins with `lkvm: error:`.
  static func main() {
    let startUp = StartUpClock()
    StandardDescriptors.ensureOpen()
    do {
      let code = try perform(Array(CommandLine.arguments.dropFirst()), startUp)
      // Output that could not be written, for example to a full disk, is a failure too.
      guard fflush(nil) == 0 else { throw LkvmFailure("standard output: \(Errno(rawValue: errno))") }
      Glibc.exit(code)
    } catch let failure as LkvmFailure {
      StandardError.writeError(failure.description)
      Glibc.exit(failure.exitCode)
    } catch {
      StandardError.writeError("\(error)")
      Glibc.exit(1)
    }
  }

  /// Does what `words` say.
  ///
  /// - Returns: the exit code.
  private static func perform(_ words: [String], _ startUp: StartUpClock) throws -> Int32 {
    let rest = Array(words.dropFirst())
    switch words.first {
    // Without the other commands' tables: this one's start is measured.
    case RunGuestCommand.description.name?: return try RunGuestCommand.perform(rest, startUp)
    case NetworkProcessCommand.name?: return try NetworkProcessCommand.perform(rest)
    case nil, "-h", "--help", "--help-all", "help": print(try help(rest.first), terminator: "")
    case "--version": print(LkvmVersion.text)
    case "--generate-completion-script": print(try completionScript(rest.first), terminator: "")
    case "--generate-manual": print(ManualPage.text(subcommands), terminator: "")
    case let name?: return try subcommand(name).perform(rest, startUp)
    }
    return 0
  }

  private static func help(_ name: String?) throws(LkvmFailure) -> String {
    guard let name, !name.hasPrefix("-") else { return HelpText.overview(subcommands) }
    return HelpText.text(try subcommand(name), .usual)
  }

  private static func subcommand(_ name: String) throws(LkvmFailure) -> AnySubcommand {
    if let command = subcommands.first(where: { $0.description.name == name }) { return command }
    let what = name.hasPrefix("-") ? "unknown option '\(name)'" : "'\(name)' is not a command"
    throw .usage("\(what); see 'lkvm help'")
  }

  private static func completionScript(_ shell: String?) throws(LkvmFailure) -> String {
    switch shell {
    case "bash": BashCompletion.script(subcommands)
    case "zsh": ZshCompletion.script(subcommands)
    case "fish": FishCompletion.script(subcommands)
    default:
      throw .usage("--generate-completion-script\(shell.map { " \($0)" } ?? ""): wanted bash, zsh or fish")
    }
  }
}
