import Synchronization
import SystemPackage
import Testing

@testable import FuseVext

@Suite(.serialized)
struct SynchronousWriteTests {
  @Test(arguments: [
    ("", "mkfs.ext4 -q -F", ""), ("direct_io", "mkfs.ext4 -q -F", ""), ("direct_io", "mkfs.ext2 -q -F", ""),
    ("sync", "mkfs.ext4 -q -F", "plain"), ("sync,direct_io", "mkfs.ext2 -q -F", "plain"),
    ("", "mkfs.ext4 -q -F", "inherited"),
  ])
  func `a write that asks for durability and was acknowledged survives kill -9`(
    options: String, make: String, asking: String
  ) {
    let disk = MountedImage(make: make)
    disk.mount(options)
    let script = TestScript.path("synchronous-writes")
    // The folder's flag, which new files inherit.
    if asking == "inherited" { disk.shell("chattr +S .") }
    disk.shell("python3 '\(script)' write . \(asking.isEmpty ? "" : "plain")")
    disk.kill()
    let repair = Command.run("e2fsck -fy '\(disk.image)'")
    #expect(repair.exitCode <= 1, "\(repair.output)")
    disk.mount("ro")
    disk.shell("python3 '\(script)' check .")
    disk.unmount()
  }

  /// Counts how often a device is flushed by an operation on a file system.
  private func flushCount(
    _ durability: FileSystem.Durability, _ operation: (FileSystem, ServingResources) throws -> Void
  ) throws -> Int {
    let disk = MountedImage(make: "mkfs.ext2 -q -F")
    let device = FaultyDevice(try FileDevice(path: disk.image, readOnly: false))
    let resources = try ServingResources(device: device)
    let fileSystem = try FileSystem(
      device: device, resources: resources, readOnly: false, durability: durability)
    try fileSystem.begin(resources)
    let before = device.flushCount.load(ordering: .relaxed)
    try operation(fileSystem, resources)
    let count = device.flushCount.load(ordering: .relaxed) - before
    try fileSystem.close(resources)
    disk.expectClean()
    return count
  }

  @Test func `dirsync makes each change of a name durable, and sync each change of a file too`() throws {
    func change(_ fileSystem: FileSystem, _ resources: ServingResources) throws {
      let new = NewInode(mode: 0o100644, user: 0, group: 0)
      let made = try fileSystem.create(Array("a".utf8), in: FileSystem.root, new, resources)
      try fileSystem.rename(
        Metadata.Place(parent: FileSystem.root, name: Array("a".utf8)),
        to: Metadata.Place(parent: FileSystem.root, name: Array("b".utf8)), flags: 0, resources)
      _ = try fileSystem.setAttributes(.init(byteCount: 5000), of: made.number, resources)
      try fileSystem.unlink(Array("b".utf8), in: FileSystem.root, resources)
      try fileSystem.forget(made.number, count: 1, resources)
    }
    #expect(try flushCount(.byFlags, change) == 0)
    #expect(try flushCount(.names, change) == 3)
    #expect(try flushCount(.everything, change) == 4)
  }

  private func isDirty(_ inode: OpenInode) -> Bool { inode.isDirty.load(ordering: .relaxed) }

  @Test func `fdatasync of an overwrite leaves the time of the write to a later commit`() throws {
    _ = try flushCount(.byFlags) { fileSystem, resources in
      let new = NewInode(mode: 0o100644, user: 0, group: 0)
      let made = try fileSystem.create(Array("a".utf8), in: FileSystem.root, new, resources)
      let inode = fileSystem.openInode(made.number)
      let block = try BlockBuffer(byteCount: 4096)
      try fileSystem.write(inode, offset: 0, block.slice(0, 4096), resources)
      try fileSystem.synchronize(inode, dataOnly: true, resources)
      #expect(isDirty(inode) == false)
      try fileSystem.write(inode, offset: 0, block.slice(0, 4096), resources)
      try fileSystem.synchronize(inode, dataOnly: true, resources)
      #expect(isDirty(inode))
      try fileSystem.synchronize(inode, resources)
      #expect(isDirty(inode) == false)
    }
  }
}
