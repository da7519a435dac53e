import HostSystem

/// A core with those of its hardware threads that may be used.
struct HostCore: Equatable {
  let node: Int
  /// By rising number, never empty.
  let cpus: [Int]
}

extension NUMATopology {
  /// The cores that may be used, in the order in which threads with memory on `node` want them: nodes by rising
  /// distance, cores by number.
  func usableCores(nearestTo node: Int) -> [HostCore] {
    nodes(byDistanceFrom: node).flatMap { node -> [HostCore] in
      let usable = cpus.filter { $0.node == node.id && $0.isUsable }
      // The lowest sibling names a core, whether or not it may be used itself.
      let byCore = Dictionary(grouping: usable) { $0.siblings.sorted.first ?? $0.id }
      return byCore.values.map { HostCore(node: node.id, cpus: $0.map(\.id).sorted()) }
        .sorted { $0.cpus[0] < $1.cpus[0] }
    }
  }
}

extension Collection<HostCore> {
  /// One CPU of every core first, then the second ones, and so on: node by node in the cores' order.
  var cpusWholeCoresFirst: [Int] {
    var nodes: [Int] = []
    for core in self where !nodes.contains(core.node) { nodes.append(core.node) }
    return nodes.flatMap { node -> [Int] in
      let cores = filter { $0.node == node }
      let depth = cores.map(\.cpus.count).max() ?? 0
      return (0..<depth).flatMap { rank in cores.compactMap { rank < $0.cpus.count ? $0.cpus[rank] : nil } }
    }
  }
}
