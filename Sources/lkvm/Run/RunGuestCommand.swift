import ArgumentParser
import Hypervisor

/// `lkvm run`: boots a guest and stays with it until it ends.
struct RunGuestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Boots a guest and stays with it until it ends.",
    discussion: """
      'lkvm run KERNEL' boots a kernel; 'lkvm run -- COMMAND' runs a command in a guest over the host's files and ends \
      with its exit code. Ctrl-A x ends the guest.
      """)

  @OptionGroup var options: RunOptions

  @Argument(help: ArgumentHelp("Kernel, as --kernel.", valueName: "kernel"))
  var kernelFile: String?

  @Argument(parsing: .postTerminator, help: "Command to run in the guest.")
  var command: [String] = []

  func validate() throws {
    if kernelFile != nil, options.kernel.kernel != nil {
      throw ValidationError("--kernel and a kernel as argument exclude each other")
    }
  }

  func run() throws {
    let startUp = StartUpClock()
    try GuestRun.perform(options.settings, kernelFile: kernelFile, command: command, startUp: startUp)
  }
}
