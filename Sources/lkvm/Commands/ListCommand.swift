import ArgumentParser
import Hypervisor

/// `lkvm list`.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists running guests and root file systems.")

  @Flag(name: [.customShort("i"), .customLong("run")], help: "Running guests only.")
  var running = false

  @Flag(name: .shortAndLong, help: "Root file systems only.")
  var rootfs = false

  func run() throws {
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
  }

  private static func row(_ processID: String, _ name: String, _ state: String) -> String {
    let left = String(repeating: " ", count: max(0, 8 - processID.count)) + processID
    let middle = name + String(repeating: " ", count: max(0, 20 - name.count))
    return "\(left) \(middle) \(state)"
  }
}
