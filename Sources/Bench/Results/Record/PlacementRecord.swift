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
