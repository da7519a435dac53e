import ArgumentParser
import Hypervisor

/// Name, vCPUs and memory.
struct MachineOptions: ParsableArguments {
  @Option(help: "The guest's name. Default: guest-PID.")
  var name: String?

  @Option(name: .shortAndLong, help: "vCPUs. Default: the host's online CPUs.")
  var cpus: Int?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Memory; a plain number is MiB.", valueName: "SIZE[BKMGTP]"))
  var mem: MemorySize?

  @Option(help: ArgumentHelp("CPUs to pin the vCPUs to, one for each: 2,3 or 2-5.", valueName: "cpus"))
  var pin: String?

  @Option(help: ArgumentHelp("NUMA node that guest memory is bound to.", valueName: "node"))
  var numaNode: Int?

  @Flag(help: "Ask for transparent huge pages: a slower start, a faster guest.")
  var hugePages = false

  @Flag(help: "Let the guest go on where KVM emulates its kernel one instruction at a time (kvm_pvm).")
  var anyKvm = false

  func validate() throws {
    if let cpus, !(1...BootLayout.vcpuLimit).contains(cpus) {
      throw ValidationError("--cpus \(cpus): a guest has 1 to \(BootLayout.vcpuLimit) vCPUs")
    }
    if let mem, mem.byteCount == 0 { throw ValidationError("--mem 0: a guest has memory") }
    if let numaNode, numaNode < 0 { throw ValidationError("--numa-node \(numaNode): not a node") }
  }
}
