import Foundation
import HostSystem
import Testing

/// A copy of the files of sysfs that describe a host, made from `Topologies/NAME.sysfs`, removed with its owner.
///
/// Each line of such a recording is an attribute, `path = text`, or a link, `path -> target`; `record.sh` beside them
/// makes one.
final class RecordedTopology {
  /// The recordings, without their extension.
  static let names = [
    "four-nodes", "four-nodes-smt", "memoryless-node", "nosmt", "one-core-smt", "one-node", "one-node-smt",
    "one-node-two-cores", "two-nodes", "two-nodes-smt",
  ]

  /// Where the copy lies.
  let root: String

  init(_ name: String) throws {
    let recording = try #require(
      Bundle.module.url(forResource: name, withExtension: "sysfs", subdirectory: "Topologies"))
    let manager = FileManager.default
    let directory = manager.temporaryDirectory.appending(path: "vext-topology-\(UUID().uuidString)")
    root = directory.path
    for line in try String(contentsOf: recording, encoding: .utf8).split(separator: "\n") {
      let isLink = line.contains(" -> ")
      let halves = line.split(
        separator: isLink ? " ->" : " =", maxSplits: 1, omittingEmptySubsequences: false)
      let file = directory.appending(path: String(halves[0]))
      let content = String(halves[1].dropFirst())
      try manager.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      if isLink {
        try manager.createSymbolicLink(atPath: file.path, withDestinationPath: content)
      } else {
        try Data("\(content)\n".utf8).write(to: file)
      }
    }
  }

  deinit {
    // What is left behind of a temporary copy harms nobody.
    try? FileManager.default.removeItem(atPath: root)
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
