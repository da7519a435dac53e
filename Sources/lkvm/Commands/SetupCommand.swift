import ArgumentParser
import GuestInit
import Hypervisor

/// `lkvm setup`.
struct SetupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "setup", abstract: "Makes a root file system that guests use over the host's files.",
    discussion: "It is named by --disk NAME; guests without any disk have the one that is called default.")

  @Argument(help: "The root file system's name.")
  var name: String

  func run() throws {
    let root: GuestRootDirectory
    do {
      root = try GuestRootDirectory.create(
        name: name, in: Instances.directory().path, initProgram: GuestInitImage.bytes())
    } catch let error as GuestRootError {
      throw LkvmFailure(error.description)
    }
    print("\(root.path) is ready: lkvm run --disk \(name)")
  }
}
