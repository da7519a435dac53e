/// The host's nodes and CPUs, as sysfs describes them.
public struct NUMATopology: Equatable, Sendable {
  /// The nodes that are online, by rising number; never empty.
  public let nodes: [NUMANode]
  /// The CPUs that are present, by rising number, offline ones included; never empty.
  public let cpus: [LogicalCPU]

  /// The node with the number `id`.
  public func node(_ id: Int) -> NUMANode? { nodes.first { $0.id == id } }

  /// The CPU with the number `id`.
  public func cpu(_ id: Int) -> LogicalCPU? { cpus.first { $0.id == id } }

  /// The nodes by rising distance from `id`, itself first; equally distant ones by number.
  public func nodes(byDistanceFrom id: Int) -> [NUMANode] {
    let distances = node(id)?.distances ?? [:]
    // A node that is not listed is farther than any that is.
    let distance = { (node: NUMANode) in node.id == id ? 0 : distances[node.id] ?? .max }
    return nodes.sorted { (distance($0), $0.id) < (distance($1), $1.id) }
  }
}

/// A CPU as the kernel counts them: a core, or one of the hardware threads of a core.
public struct LogicalCPU: Equatable, Sendable {
  /// The kernel's number.
  public let id: Int
  /// The node that its memory accesses are local to.
  public let node: Int
  /// The core's number within its package; nil while offline.
  public let coreID: Int?
  /// The package (socket); nil while offline.
  public let packageID: Int?
  /// The CPUs of the same core, itself included.
  public let siblings: CPUSet
  /// Whether the kernel runs threads on it.
  public let isOnline: Bool
  /// Whether this process may use it (affinity, cpuset).
  public let isAllowed: Bool

  /// Whether a thread of this process can run there.
  public var isUsable: Bool { isOnline && isAllowed }
}

/// A node of the host: memory, and the CPUs that are close to it.
public struct NUMANode: Equatable, Sendable {
  /// The kernel's number.
  public let id: Int
  /// Its CPUs, as far as they are online.
  public let cpus: CPUSet
  /// The relative cost of reaching each node from here, by node; 10 is local.
  public let distances: [Int: Int]
  /// Its memory in bytes; nil if the kernel, built without NUMA, does not say.
  public let memoryByteCount: UInt64?

  /// Whether memory can be taken from it.
  public var hasMemory: Bool { memoryByteCount != 0 }
}
