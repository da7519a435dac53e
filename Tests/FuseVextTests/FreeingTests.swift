import HostSystem
import SystemPackage
import Testing

@testable import FuseVext

/// Files that are freed while other threads have work to do for them.
@Suite(.serialized)
struct FreeingTests {
  private let disk: MountedImage
  private let device: FileDevice
  private let worker: Worker
  private let fileSystem: FileSystem

  init() throws {
    disk = MountedImage()
    device = try FileDevice(path: disk.image, readOnly: false)
    worker = try Worker(device: device)
    fileSystem = try FileSystem(device: device, worker: worker, readOnly: false)
    try fileSystem.begin(worker)
  }

  /// A file of some blocks, of which the disk knows little.
  private func makeDirtyFile(_ name: String) throws -> OpenInode {
    let file = try fileSystem.create(
      Array(name.utf8), in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0), worker)
    let inode = fileSystem.openInode(file.number)
    let block = try BlockBuffer(byteCount: 128 << 10)
    // In two pieces: the second gets blocks in advance, which trim(_:_:) would free.
    for part in 0..<2 {
      try unsafe fileSystem.write(
        inode, offset: UInt64(part) * (128 << 10), block.slice(0, 128 << 10), worker)
    }
    return inode
  }

  private func record(_ number: UInt32) throws(Errno) -> FuseVext.Inode {
    try fileSystem.inspect(worker) { (metadata) throws(Errno) in try metadata.inode(number) }
  }

  private func end() throws {
    try fileSystem.close(worker)
    disk.expectClean()
  }

  @Test func `who found a dirty file before it was freed writes nothing to it or its successor`() throws {
    let inode = try makeDirtyFile("old")
    try fileSystem.unlink(Array("old".utf8), in: FileSystem.root, worker)
    try fileSystem.forget(inode.number, count: 1, worker)
    let successor = try fileSystem.create(
      Array("new".utf8), in: FileSystem.root, NewInode(mode: 0o100600, user: 0, group: 0), worker)
    try #require(successor.number == inode.number)
    // What the regular writer and a late RELEASE do.
    try fileSystem.commit(inode, worker)
    try fileSystem.trim(inode, worker)
    #expect(try record(successor.number).byteCount == 0)
    #expect(try record(successor.number).mode == 0o100600)
    try end()
  }

  /// The kernel forgets a file while somebody has its lock.
  private func forgetWhileLocked(_ inode: OpenInode, expecting isStillThere: () throws -> Bool) throws {
    inode.lock.lockExclusively()
    let (fileSystem, device, number) = (fileSystem, device, inode.number)
    let thread = try HostThread(name: "forgets", cpus: nil) {
      // What becomes of the file tells whether it has done it.
      try? fileSystem.forget(number, count: 1, Worker(device: device))
    }
    HostClock.sleep(nanoseconds: 100_000_000)
    let wasThere = try isStillThere()
    inode.lock.unlock()
    thread.join()
    #expect(wasThere)
    #expect(try !isStillThere())
    try end()
  }

  @Test func `a file is freed after whoever works on it`() throws {
    let inode = try makeDirtyFile("file")
    try fileSystem.unlink(Array("file".utf8), in: FileSystem.root, worker)
    try forgetWhileLocked(inode) { try record(inode.number).deletionTime == 0 }
  }

  @Test func `a file is known until whoever writes what is dirty of it has done so`() throws {
    let inode = try makeDirtyFile("file")
    try fileSystem.commit(inode, worker)
    try forgetWhileLocked(inode) { fileSystem.knownInode(inode.number) != nil }
  }
}
