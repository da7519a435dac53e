import GuestInit
import Hypervisor

/// `lkvm setup`.
struct SetupCommand: Subcommand {
  /// It has no options.
  struct Settings {}

  static let description = CommandDescription(
    name: "setup", abstract: "Makes a root file system that guests use over the host's files.",
    discussion: "It is named by --disk NAME; guests without any disk have the one that is called default.",
    operand: .required("NAME", .none))
  static let options: [OptionRow<Settings>] = []
  static var defaults: Settings { Settings() }

  /// The root file system's name.
  let name: String

  init(_ line: CommandLineParser<Settings>.Line) throws(LkvmFailure) {
    name = line.operands.first ?? ""
    guard GuestRootDirectory.accepts(name: name) else {
      throw .usage(GuestRootError.badName(name).description)
    }
  }

  func run(_ startUp: StartUpClock) throws -> Int32 {
    let root: GuestRootDirectory
    do {
      root = try GuestRootDirectory.create(
        name: name, in: Instances.directory().path, initProgram: GuestInitImage.bytes())
    } catch let error as GuestRootError {
      throw LkvmFailure(error.description)
    }
    print("\(root.path) is ready: lkvm run --disk \(name)")
    return 0
  }
}
