import HostSystem

/// The node that a run is placed around, and the one that its memory comes from.
struct HomeNode {
  let id: Int
  /// `id`, unless that node has no memory.
  let memoryNode: Int
  let notes: [String]

  /// The node that the user names, else that of the storage device, else that of the first CPU that the user names,
  /// else the one with the most usable cores.
  init(for request: PlacementRequest, on topology: NUMATopology) throws(PlacementError) {
    var notes: [String] = []
    let named = (request.vcpuCPUs?.first ?? request.ioThreadCPUs?.first).flatMap { topology.cpu($0)?.node }
    let storageNode = request.storageNode.flatMap { topology.node($0)?.id }
    if let storageNode, let node = request.numaNode, node != storageNode {
      notes.append(
        "The storage device is on NUMA node \(storageNode), but --numa-node asks for node \(node).")
    }
    id = request.numaNode ?? storageNode ?? named ?? Self.roomiest(of: topology)
    if storageNode == nil, request.numaNode == nil, topology.nodes.count > 1 {
      notes.append("The NUMA node of the storage device is unknown; node \(id) is used.")
    }

    guard let nearest = topology.nodes(byDistanceFrom: id).first(where: \.hasMemory) else { throw .noMemory }
    memoryNode = nearest.id
    if memoryNode != id {
      notes.append("NUMA node \(id) has no memory; the guests' memory comes from node \(memoryNode).")
    }
    self.notes = notes
  }

  /// The node with memory and the most usable cores; of equal ones the lowest.
  private static func roomiest(of topology: NUMATopology) -> Int {
    let cores = topology.usableCores(nearestTo: topology.nodes[0].id)
    let candidates = topology.nodes.filter(\.hasMemory)
    let best = candidates.max { left, right in
      let leftCount = cores.count { $0.node == left.id }
      let rightCount = cores.count { $0.node == right.id }
      return (leftCount, right.id) < (rightCount, left.id)
    }
    return best?.id ?? topology.nodes[0].id
  }
}
