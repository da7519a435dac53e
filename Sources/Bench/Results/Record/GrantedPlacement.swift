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
