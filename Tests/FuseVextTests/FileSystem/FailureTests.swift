import Testing

@testable import FuseVext
import Synchronization
import SystemPackage

/// The device fails under the file system.
@Suite(.serialized)
struct FailureTests {
  private func open(_ disk: MountedImage) throws -> (FaultyDevice, FileSystem, ServingResources) {
    let device = FaultyDevice(try FileDevice(path: disk.image, readOnly: false))
    let resources = try ServingResources(device: device)
    let fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
    try fileSystem.begin(resources)
    return (device, fileSystem, resources)
  }

  private func write(
    _ text: String, at offset: UInt64, of inode: OpenInode, _ fileSystem: FileSystem,
    _ resources: ServingResources
  ) throws {
    let buffer = try BlockBuffer(byteCount: text.utf8.count)
    buffer.slice(0, text.utf8.count).copy(from: Array(text.utf8))
    try fileSystem.write(inode, offset: offset, buffer.slice(0, text.utf8.count), resources)
  }

  @Test(arguments: ["mkfs.ext4 -q -F", "mkfs.ext2 -q -F"])
  func `an error while structures are written makes the file system read-only and is recorded`(
    make: String
  ) throws {
    let disk = MountedImage(make: make)
    let (device, fileSystem, resources) = try open(disk)
    let file = try fileSystem.create(
      Array("kept".utf8), in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0), resources)
    let inode = fileSystem.openInode(file.number)
    try write("data", at: 0, of: inode, fileSystem, resources)
    try fileSystem.synchronize(inode, resources)
    device.failsWrites.store(true, ordering: .relaxed)
    #expect(throws: Errno.ioError) {
      _ = try fileSystem.create(
        Array("lost".utf8), in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0), resources)
      // With a journal the device gets nothing before the commit.
      try fileSystem.flush(resources)
    }
    device.failsWrites.store(false, ordering: .relaxed)
    #expect(throws: Errno.readOnlyFileSystem) {
      try fileSystem.unlink(Array("kept".utf8), in: FileSystem.root, resources)
    }
    #expect(throws: Errno.readOnlyFileSystem) { try write("more", at: 0, of: inode, fileSystem, resources) }
    #expect(throws: Errno.ioError) { try fileSystem.synchronize(inode, resources) }
    #expect(
      try fileSystem.read(inode, offset: 0, byteCount: 100, resources).bytes == Array("data".utf8))
    #expect(throws: Errno.ioError) { try fileSystem.close(resources) }
    let state = Command.run("dumpe2fs -h '\(disk.image)'").output
    #expect(state.contains("not clean") || state.contains("needs_recovery"))
  }

  @Test func `an error while data are read or written reaches only the caller`() throws {
    let disk = MountedImage()
    let (device, fileSystem, resources) = try open(disk)
    let file = try fileSystem.create(
      Array("file".utf8), in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0), resources)
    let inode = fileSystem.openInode(file.number)
    try write(String(repeating: "a", count: 4096), at: 0, of: inode, fileSystem, resources)
    device.failsReads.store(true, ordering: .relaxed)
    #expect(throws: Errno.ioError) {
      try fileSystem.read(inode, offset: 0, byteCount: 10, resources)
    }
    device.failsReads.store(false, ordering: .relaxed)
    device.failsWrites.store(true, ordering: .relaxed)
    #expect(throws: Errno.ioError) {
      try write(String(repeating: "b", count: 4096), at: 0, of: inode, fileSystem, resources)
    }
    device.failsWrites.store(false, ordering: .relaxed)
    try write(String(repeating: "c", count: 4096), at: 0, of: inode, fileSystem, resources)
    try fileSystem.synchronize(inode, resources)
    try fileSystem.close(resources)
    disk.expectClean()
  }

  @Test func `an image that became shorter is an error, for one request and for several`() throws {
    let disk = MountedImage()
    let device = try FileDevice(path: disk.image, readOnly: false)
    let queue = try device.makeQueue()
    let buffer = try device.allocateBuffer(byteCount: 8192)
    let byteCount = device.byteCount
    #expect(Command.run("truncate -s \(byteCount - 4096) '\(disk.image)'").exitCode == 0)
    // The second half of this one is gone; the kernel answers with the first.
    let cut = BlockRequest(.read, byteOffset: byteCount - 8192, memory: buffer.slice(0, 8192))
    let whole = BlockRequest(.read, byteOffset: 0, memory: buffer.slice(0, 4096))
    #expect(throws: Errno.ioError) { try queue.perform(cut) }
    #expect(throws: Errno.ioError) { try queue.perform([whole, cut]) }
    try queue.perform([whole, whole])
  }
}
