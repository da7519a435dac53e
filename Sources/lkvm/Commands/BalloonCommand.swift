import ArgumentParser
import Hypervisor

/// `lkvm balloon`.
struct BalloonCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "balloon", abstract: "Takes memory from guests, or gives it back.")

  @OptionGroup var instances: InstanceOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("MiB to take from the guest.", valueName: "mib"))
  var inflate: Int32?

  @Option(name: .shortAndLong, help: ArgumentHelp("MiB to give back to the guest.", valueName: "mib"))
  var deflate: Int32?

  func validate() throws {
    guard (inflate == nil) != (deflate == nil) else {
      throw ValidationError("give either --inflate or --deflate")
    }
    if let amount = inflate ?? deflate, amount <= 0 {
      throw ValidationError("\(inflate == nil ? "--deflate" : "--inflate") \(amount): at least one MiB")
    }
  }

  func run() throws {
    let delta = inflate ?? -(deflate ?? 0)
    try Instances.send(.balloon(deltaMiB: delta), to: instances)
  }
}
