import ArgumentParser
import Hypervisor

/// `vextd ctl`: asks a running service.
struct ControlCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ctl", abstract: "Asks a running service.", subcommands: [List.self, Statistics.self])

  struct Place: ParsableArguments {
    @Option(help: ArgumentHelp("The service's socket.", valueName: "path"))
    var socket: String

    /// Prints what the service says to `question`.
    func print(_ question: VextServiceQuestion) throws {
      do {
        Swift.print(try question.ask(path: socket), terminator: "")
      } catch {
        throw VextdFailure(description: "\(error)")
      }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Prints disks and clients, a line each.")
    @OptionGroup var place: Place

    func run() throws { try place.print(.list) }
  }

  struct Statistics: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "stat",
      abstract: "Prints what each client has asked of its disk: a name and a value in each line.")
    @OptionGroup var place: Place

    func run() throws { try place.print(.figures) }
  }
}
