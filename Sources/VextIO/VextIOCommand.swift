import ArgumentParser
import Glibc
import HostSystem
import SystemPackage
import VextClient

/// The command `vext-io`: requests on a vext disk, from user space of a Linux guest.
@main
struct VextIOCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vext-io",
    abstract: "Reads and writes a vext disk from user space.",
    discussion: "It runs in a guest whose machine has a vext function, as root. See docs/vext-client.md.",
    version: "vext-io \(ProjectVersion.text)",
    subcommands: [
      IdentifyCommand.self, ReadCommand.self, WriteCommand.self, FlushCommand.self, DiscardCommand.self,
    ])

  /// Runs the command line. Every failure is one line on standard error that begins with `vext-io: error:`.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as VextIOFailure {
      StandardError.write(.error, failure.description, from: "vext-io")
      Glibc.exit(ExitCode.failure.rawValue)
    } catch {
      Self.exit(withError: error)
    }
  }
}

/// `vext-io flush`.
struct FlushCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flush", abstract: "Flushes completed writes to stable storage.")

  @OptionGroup var device: QueueOptions

  func run() throws {
    let device = try device.open()
    do throws(Errno) {
      try device.makeQueue().flush()
    } catch {
      throw VextIOFailure.request("flush", error)
    }
  }
}
