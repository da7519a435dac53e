import ArgumentParser
import Hypervisor

/// `lkvm stop`.
struct StopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Ends guests at once; what they wrote to their disks stays.")

  @OptionGroup var instances: InstanceOptions

  @Flag(name: .shortAndLong, help: "Press the power button instead, and let the guest shut down.")
  var graceful = false

  func run() throws { try Instances.send(graceful ? .powerButton : .stop, to: instances) }
}
