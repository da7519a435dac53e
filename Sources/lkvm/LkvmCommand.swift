import ArgumentParser
import Glibc

/// The command `lkvm`.
@main
struct LkvmCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lkvm",
    abstract: "Runs virtual machines on KVM, as kvmtool does.",
    version: LkvmVersion.text,
    subcommands: [
      RunCommand.self, SandboxCommand.self, SetupCommand.self, ListCommand.self, StopCommand.self,
      PauseCommand.self, ResumeCommand.self, StatCommand.self, BalloonCommand.self, DebugCommand.self,
      VersionCommand.self,
    ])

  /// Runs the command line. Every failure is one line on standard error that begins with `lkvm: error:`.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as LkvmFailure {
      StandardError.write("lkvm: error: \(failure.description)\n")
      Glibc.exit(failure.exitCode)
    } catch let code as ExitCode {
      Glibc.exit(code.rawValue)
    } catch {
      switch exitCode(for: error) {
      case .success:
        Self.exit(withError: error)
      case .validationFailure:
        StandardError.write("lkvm: error: \(message(for: error))\n")
        Glibc.exit(ExitCode.validationFailure.rawValue)
      default:
        StandardError.write("lkvm: error: \(error)\n")
        Glibc.exit(ExitCode.failure.rawValue)
      }
    }
  }
}
