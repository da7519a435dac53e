import HostSystem
import Testing

/// A copy of the files of sysfs that describe a host, made from `Topologies/NAME.sysfs`.
final class RecordedTopology {
  /// The recordings, without their extension.
  static let names = [
    "four-nodes", "four-nodes-smt", "memoryless-node", "nosmt", "one-core-smt", "one-node", "one-node-smt",
    "one-node-two-cores", "two-nodes", "two-nodes-smt",
  ]

  private let tree: RecordedTree

  /// Where the copy lies.
  var root: String { tree.root }

  init(_ name: String) throws {
    tree = try RecordedTree(name, extension: "sysfs", folder: "Topologies")
  }

  /// The topology, with the CPUs of the list `allowed` alone if there is one.
  func topology(allowed: String? = nil) throws -> NUMATopology {
    try NUMATopology(sysfs: root, allowed: try allowed.map { try #require(CPUSet(parsing: $0)) })
  }

  /// The node of the block device with the numbers `device`.
  func node(ofDevice device: String) throws -> Int? {
    try StorageLocation(deviceNumber: device, sysfs: root).node
  }
}
