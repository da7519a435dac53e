import Hypervisor

/// `lkvm list`.
struct ListCommand: Subcommand {
  /// The values of its options.
  struct Settings {
    var running = false
    var rootfs = false
  }

  static let description = CommandDescription(
    name: "list", abstract: "Lists running guests and root file systems.")
  static let options: [OptionRow<Settings>] = [
    .flag("run", "i", .guests, "Running guests only.") { $0.running = $1 },
    .flag("rootfs", "r", .guests, "Root file systems only.") { $0.rootfs = $1 },
  ]
  static var defaults: Settings { Settings() }

  let settings: Settings

  init(_ line: CommandLineParser<Settings>.Line) { settings = line.settings }

  func run(_ startUp: StartUpClock) throws -> Int32 {
    let (running, rootfs) = (settings.running, settings.rootfs)
    let directory = try Instances.directory()
    var rows = running || !rootfs ? [Self.row("PID", "NAME", "STATE")] : []
    do {
      if running || !rootfs {
        rows += try directory.runningInstances().map {
          Self.row($0.processID.map(String.init) ?? "?", $0.name, $0.state?.description ?? "no answer")
        }
      }
      if rootfs || !running {
        rows += try GuestRootDirectory.list(in: directory.path).map { Self.row("", $0.name, "rootfs") }
      }
    } catch {
      throw LkvmFailure("\(error)")
    }
    for row in rows { print(row) }
    return 0
  }

  private static func row(_ processID: String, _ name: String, _ state: String) -> String {
    let left = String(repeating: " ", count: max(0, 8 - processID.count)) + processID
    let middle = name + String(repeating: " ", count: max(0, 20 - name.count))
    return "\(left) \(middle) \(state)"
  }
}
