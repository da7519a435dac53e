import CExt2
import SystemPackage
import Testing

@testable import FuseVext

/// Trees of extents that contradict themselves: every operation ends, and with `EUCLEAN`.
@Suite(.serialized)
struct CorruptTreeTests {
  enum Damage: CaseIterable {
    /// The node below the root points at itself.
    case circle
    /// Two entries of the root point at one node.
    case twice
    /// A node is where a leaf should be.
    case depth
    /// A leaf has what another one is for.
    case range
    /// A leaf has nothing.
    case empty
    /// Two extents have one block.
    case shared
    /// An extent has a block that the bitmap calls free.
    case free
    /// The inode counts fewer blocks than the tree has.
    case count
  }

  @Test(arguments: Damage.allCases)
  func `a tree that contradicts itself is neither read, nor changed, nor freed`(damage: Damage) throws {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -b 1024 -O ^metadata_csum,^has_journal")
    let name = Array("file".utf8)
    do {
      let (fileSystem, resources) = try open(disk)
      let file = try fileSystem.create(
        name, in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0), resources)
      let inode = fileSystem.openInode(file.number)
      for block: UInt64 in stride(from: 0, to: 1000, by: 2) {
        try fileSystem.write(inode, offset: block * 1024, resources.zeros.slice(0, 1024), resources)
      }
      try fileSystem.synchronize(inode, resources)
      try fileSystem.change(resources) { (metadata) throws(Errno) in
        try Self.damage(file.number, damage, &metadata)
      }
      try fileSystem.close(resources)
    }
    let staysReadable: Set<Damage> = [.shared, .free, .count]
    for operation in 0..<4 {
      let (fileSystem, resources) = try open(disk)
      let number = try #require(try fileSystem.lookup(name, in: FileSystem.root, resources)).number
      let inode = fileSystem.openInode(number)
      if operation == 0, staysReadable.contains(damage) { continue }
      let error = #expect(throws: Errno.self, "operation \(operation)") {
        switch operation {
        case 0: _ = try fileSystem.read(inode, offset: 999_000, byteCount: 1000, resources)
        case 1: try fileSystem.truncate(inode, to: 0, resources)
        case 2:
          try fileSystem.changeSpace(.punchHole, of: inode, offset: 0, byteCount: 1_000_000, resources)
        default:
          try fileSystem.unlink(name, in: FileSystem.root, resources)
          try fileSystem.forget(number, count: 1, resources)
        }
      }
      #expect(error == .corrupted)
    }
  }

  private func open(_ disk: MountedImage) throws -> (FileSystem, ServingResources) {
    Command.run(
      "debugfs -w -R 'ssv state 1' '\(disk.image)'; debugfs -w -R 'ssv last_orphan 0' '\(disk.image)'")
    let device = try FileDevice(path: disk.image, readOnly: false)
    let resources = try ServingResources(device: device)
    let fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
    try fileSystem.begin(resources)
    return (fileSystem, resources)
  }

  private static func damage(_ number: UInt32, _ damage: Damage, _ metadata: inout Metadata) throws(Errno) {
    var inode = try metadata.inode(number)
    let root = try metadata.extentRoot(of: inode)
    let all = 0..<ExtentNode.logicalLimit
    let block = root.entries[0].physical
    var node = try metadata.extentNode(below: root, at: 0, in: all, of: number)
    let leafBlock = node.entries[0].physical
    var leaf = try metadata.extentNode(
      below: node, at: 0, in: root.range(at: 0, in: all), of: number)
    switch damage {
    case .circle: node.entries[0].physical = block
    case .twice: node.entries[1].physical = leafBlock
    case .depth: leaf.depth = 1
    case .range: leaf.entries[leaf.entries.count - 1].logical = 990
    case .empty: leaf.entries = []
    case .shared: leaf.entries[1].physical = leaf.entries[0].physical
    case .free: leaf.entries[1].physical = metadata.blockCount - 1
    case .count: inode.raw.i_blocks = 2
    }
    try metadata.write(inode)
    try metadata.cache.write(byteOffset: leafBlock * 1024, bytes: leaf.encoded(byteCount: 1024))
    try metadata.cache.write(byteOffset: block * 1024, bytes: node.encoded(byteCount: 1024))
  }
}
