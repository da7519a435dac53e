import ArgumentParser
import Glibc
import HostSystem

/// The command `vextd`: serves disks to virtual machines of other processes.
@main
struct VextdCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vextd",
    abstract: "Serves disks over the vext queue to virtual machines of other processes.",
    discussion: "A guest gets a disk by 'lkvm run --vext vextd:SOCKET/NAME'. See docs/vext-service.md.",
    version: "vextd \(ProjectVersion.text)",
    subcommands: [ServeCommand.self, ControlCommand.self, TopCommand.self],
    defaultSubcommand: ServeCommand.self)

  /// Runs the command line. Every failure is one line on standard error that begins with `vextd: error:`.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as VextdFailure {
      StandardError.write(.error, failure.description, from: "vextd")
      Glibc.exit(ExitCode.failure.rawValue)
    } catch {
      let code = exitCode(for: error)
      guard code == .validationFailure else { exit(withError: error) }
      let text = fullMessage(for: error).split(whereSeparator: \.isNewline).first ?? ""
      let prefix = "Error: "
      StandardError.write(
        .error, String(text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : text), from: "vextd")
      Glibc.exit(code.rawValue)
    }
  }
}

/// What keeps the command from doing its work: one line for a person.
struct VextdFailure: Error, CustomStringConvertible {
  let description: String
}
