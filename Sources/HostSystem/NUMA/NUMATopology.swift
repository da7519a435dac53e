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
