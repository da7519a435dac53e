import ArgumentParser
import Hypervisor

/// `lkvm stat`.
struct StatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stat",
    abstract:
      "Prints the figures of guests: vmexits, disks, networks, and memory where there is a balloon.")

  @OptionGroup var instances: InstanceOptions

  @Flag(name: .shortAndLong, help: "As without: memory is among the figures. For command lines of kvmtool's.")
  var memory = false

  func run() throws { try Instances.send(.statistics, to: instances) }
}
