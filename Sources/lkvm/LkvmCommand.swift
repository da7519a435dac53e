import ArgumentParser
import Glibc
import Hypervisor
import SystemPackage

/// The command `lkvm`.
@main
struct LkvmCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lkvm",
    abstract: "Runs virtual machines on KVM, as kvmtool does.",
    version: LkvmVersion.text,
    subcommands: [
      RunGuestCommand.self, SandboxCommand.self, SetupCommand.self, ListCommand.self, StopCommand.self,
      PauseCommand.self, ResumeCommand.self, StatCommand.self, BalloonCommand.self, DebugCommand.self,
      VersionCommand.self,
    ])

  /// Runs the command line. Every failure is one line on standard error that begins with `lkvm: error:`.
  static func main() {
    let startUp = StartUpClock()
    StandardDescriptors.ensureOpen()
    do {
      if let line = QuickRunLine(Array(CommandLine.arguments.dropFirst())) {
        try GuestRun.perform(
          line.settings, kernelFile: line.kernelFile, command: line.command, startUp: startUp)
      }
      var command = try parseAsRoot()
      try command.run()
      // What was printed and could not be written is a failure too: a full disk.
      guard fflush(nil) == 0 else { throw LkvmFailure("standard output: \(Errno(rawValue: errno))") }
    } catch let failure as LkvmFailure {
      StandardError.writeError(failure.description)
      Glibc.exit(failure.exitCode)
    } catch let code as ExitCode {
      Glibc.exit(code.rawValue)
    } catch {
      switch exitCode(for: error) {
      case .success:
        Self.exit(withError: error)
      case .validationFailure:
        StandardError.writeError(message(for: error))
        Glibc.exit(ExitCode.validationFailure.rawValue)
      default:
        StandardError.writeError("\(error)")
        Glibc.exit(ExitCode.failure.rawValue)
      }
    }
  }
}
