/// Where the planner put the run's threads and memory, as `--dry-run` and the JSON file show it.
struct PlacementRecord: Codable, Equatable, Sendable {
  /// The CPU of each I/O thread; empty where they are not pinned.
  var ioThreadCPUs: [Int]
  /// The CPU of each vCPU, guest by guest; empty where they are not pinned.
  var vcpuCPUs: [[Int]]
  /// The node to which the guests' memory is bound.
  var numaNode: Int?
  /// Whether threads share a CPU that each of them could fill.
  var oversubscribed: Bool
  /// What the planner has to say, one sentence each.
  var notes: [String]

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case ioThreadCPUs = "io_thread_cpus"
    case vcpuCPUs = "vcpu_cpus"
    case numaNode = "numa_node"
    case oversubscribed
    case notes
  }
}

/// Where the kernel says that one guest's threads and memory were, asked after the threads were pinned.
struct GrantedPlacement: Codable, Equatable, Sendable {
  /// The CPUs that each I/O thread may use, in the kernel's list form (`2`, or `0-3` where it is not pinned).
  var ioThreadCPUs: [String]
  /// The same for each vCPU of the guest.
  var vcpuCPUs: [String]
  /// The node on which the guest's memory lies; nil if it was not bound.
  var numaNode: Int?

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case ioThreadCPUs = "io_thread_cpus"
    case vcpuCPUs = "vcpu_cpus"
    case numaNode = "numa_node"
  }
}
