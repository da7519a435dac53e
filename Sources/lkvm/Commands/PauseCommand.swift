import ArgumentParser
import Hypervisor

/// `lkvm pause`.
struct PauseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Stops guests where they are.")

  @OptionGroup var instances: InstanceOptions

  func run() throws { try Instances.send(.pause, to: instances) }
}
