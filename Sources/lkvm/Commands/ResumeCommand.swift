import ArgumentParser
import Hypervisor

/// `lkvm resume`.
struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Lets paused guests go on.")

  @OptionGroup var instances: InstanceOptions

  func run() throws { try Instances.send(.resume, to: instances) }
}
