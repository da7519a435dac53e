import ArgumentParser
import Hypervisor

/// `lkvm stop`.
struct StopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Ends guests at once; what they wrote to their disks stays.")

  @OptionGroup var instances: InstanceOptions

  func run() throws { try Instances.send(.stop, to: instances) }
}
