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
    do {
      if running || !rootfs {
        print(Self.row("PID", "NAME", "STATE"))
        for instance in try directory.runningInstances() {
          print(
            Self.row(
              instance.processID.map(String.init) ?? "?", instance.name,
              instance.state?.description ?? "no answer"))
        }
      }
      if rootfs || !running {
        for root in try GuestRootDirectory.list(in: directory.path) {
          print(Self.row("", root.name, "rootfs"))
        }
      }
    } catch {
      throw LkvmFailure("\(error)")
    }
  }

  private static func row(_ processID: String, _ name: String, _ state: String) -> String {
    let left = String(repeating: " ", count: max(0, 8 - processID.count)) + processID
    let middle = name + String(repeating: " ", count: max(0, 20 - name.count))
    return "\(left) \(middle) \(state)"
  }
}
