import ArgumentParser
import Hypervisor

/// `lkvm sandbox`: `lkvm run` with a command.
struct SandboxCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox",
    abstract: "Runs a command in a guest over the host's files and ends with its exit code.")

  @OptionGroup var options: RunOptions

  @Argument(parsing: .postTerminator, help: "Command to run in the guest.")
  var command: [String] = []

  func validate() throws {
    guard options.settings.runsCommand(command) else {
      throw ValidationError("name a command: lkvm sandbox [options] -- COMMAND")
    }
  }

  func run() throws {
    let startUp = StartUpClock()
    try GuestRun.perform(options.settings, kernelFile: nil, command: command, startUp: startUp)
  }
}
