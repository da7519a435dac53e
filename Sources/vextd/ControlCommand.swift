import ArgumentParser
import Hypervisor

/// `vextd ctl`: asks a running service.
struct ControlCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ctl", abstract: "Asks a running service, or changes it.",
    subcommands: [List.self, Statistics.self, Drain.self, Detach.self, Reload.self])

  struct Place: ParsableArguments {
    @Option(help: ArgumentHelp("The service's socket.", valueName: "path"))
    var socket: String

    /// Prints what the service says to `question`.
    func print(_ question: VextServiceQuestion) throws { Swift.print(try ask(question), terminator: "") }

    /// What the service says to `question`.
    func ask(_ question: VextServiceQuestion) throws -> String {
      do {
        return try question.ask(path: socket)
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

    func run() throws { try place.print(.metrics) }
  }

  struct Drain: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "drain", abstract: "Lets no new client open a disk; those that have it keep it.")
    @OptionGroup var place: Place
    @Argument(help: "The disk's name.") var disk: String

    func run() throws { try place.print(.drain(disk: disk)) }
  }

  struct Detach: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "detach",
      abstract:
        "Ends the connections of a disk's clients when their requests have ended, makes the disk durable and closes it."
    )
    @OptionGroup var place: Place
    @Argument(help: "The disk's name.") var disk: String

    func run() throws { try place.print(.detach(disk: disk)) }
  }

  struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "reload",
      abstract:
        "Reads the configuration again: new disks are added, and owners, groups, weights and limits taken over."
    )
    @OptionGroup var place: Place

    func run() throws { try place.print(.reload) }
  }
}
