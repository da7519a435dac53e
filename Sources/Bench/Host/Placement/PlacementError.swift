/// Why what the user asked for cannot be placed.
enum PlacementError: Error, Equatable, CustomStringConvertible {
  /// An option that overrides the planner, named as on the command line.
  enum Option: String, Sendable {
    case ioThreadCPU = "--io-thread-cpus"
    case vcpuCPUs = "--vcpu-cpus"
    case numaNode = "--numa-node"
  }

  /// This process may use no CPU that is online.
  case noUsableCPU
  /// No node has memory.
  case noMemory
  /// The option lists nothing.
  case emptyList(Option)
  /// The host has no such CPU.
  case unknownCPU(Int, Option)
  /// The CPU is switched off.
  case offlineCPU(Int, Option)
  /// The affinity or cpuset of this process leaves the CPU out.
  case forbiddenCPU(Int, Option)
  /// The host has no such node.
  case unknownNode(Int, Option)
  /// Guest memory cannot come from the node.
  case nodeWithoutMemory(Int, Option)

  /// One line for a person.
  var description: String {
    switch self {
    case .noUsableCPU: "no CPU that is online may be used by this process"
    case .noMemory: "no NUMA node of this host has memory"
    case .emptyList(let option): "\(option.rawValue): names no CPU"
    case .unknownCPU(let cpu, let option): "\(option.rawValue): there is no CPU \(cpu)"
    case .offlineCPU(let cpu, let option): "\(option.rawValue): CPU \(cpu) is offline"
    case .forbiddenCPU(let cpu, let option):
      "\(option.rawValue): CPU \(cpu) is not among those that this process may use (affinity or cpuset)"
    case .unknownNode(let node, let option): "\(option.rawValue): there is no NUMA node \(node)"
    case .nodeWithoutMemory(let node, let option): "\(option.rawValue): NUMA node \(node) has no memory"
    }
  }
}
