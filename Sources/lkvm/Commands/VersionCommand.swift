import HostSystem
import Hypervisor

/// `lkvm version`.
struct VersionCommand: Subcommand {
  /// It has no options.
  struct Settings {}

  static let description = CommandDescription(name: "version", abstract: "Prints the version.")
  static let options: [OptionRow<Settings>] = []
  static var defaults: Settings { Settings() }

  init(_ line: CommandLineParser<Settings>.Line) {}

  func run(_ startUp: StartUpClock) -> Int32 {
    print("lkvm \(LkvmVersion.text)")
    return 0
  }
}

/// The output of `lkvm version`.
enum LkvmVersion {
  static let text = ProjectVersion.text
}
