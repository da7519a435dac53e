import ArgumentParser
import Hypervisor

/// `lkvm debug`.
struct DebugCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "debug", abstract: "Looks into guests, or pokes them.")

  @OptionGroup var instances: InstanceOptions

  @Flag(name: .shortAndLong, help: "Print registers, code, page tables and stack of each vCPU.")
  var dump = false

  @Option(
    name: [.customShort("m"), .long], help: ArgumentHelp("Send an NMI to this vCPU.", valueName: "vcpu"))
  var nmi: UInt32?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Send a system request to the guest's kernel.", valueName: "letter"))
  var sysrq: String?

  func validate() throws {
    guard dump || nmi != nil || sysrq != nil else { throw ValidationError("give --dump, --nmi or --sysrq") }
    if let sysrq, sysrq.utf8.count != 1 {
      throw ValidationError("--sysrq \(sysrq): one letter, such as t")
    }
  }

  func run() throws {
    let request = ControlDebug(dumps: dump, nmiVCPU: nmi, sysrqKey: sysrq?.utf8.first)
    try Instances.send(.debug(request), to: instances)
  }
}
