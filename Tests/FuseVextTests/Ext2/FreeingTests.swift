import CLinux
import HostSystem
import Synchronization
import SystemPackage
import Testing

@testable import FuseVext

/// Files that are freed while other threads have work to do for them.
@Suite(.serialized)
struct FreeingTests {
  private let disk: MountedImage
  private let device: FileDevice
  private let resources: ServingResources
  private let fileSystem: FileSystem

  init() throws {
    disk = MountedImage()
    device = try FileDevice(path: disk.image, readOnly: false)
    resources = try ServingResources(device: device)
    fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
    try fileSystem.begin(resources)
  }

  private func makeFile(_ name: String, mode: UInt16 = 0o100644) throws -> OpenInode {
    let file = try fileSystem.create(
      Array(name.utf8), in: FileSystem.root, NewInode(mode: mode, user: 0, group: 0), resources)
    return fileSystem.openInode(file.number)
  }

  /// A file of some blocks, of which the disk knows little.
  private func makeDirtyFile(_ name: String) throws -> OpenInode {
    let inode = try makeFile(name)
    let block = try BlockBuffer(byteCount: 128 << 10)
    // In two pieces: the second gets blocks in advance, which trim(_:_:) would free.
    for part in 0..<2 {
      try fileSystem.write(
        inode, offset: UInt64(part) * (128 << 10), block.slice(0, 128 << 10), resources)
    }
    return inode
  }

  private func record(_ number: UInt32) throws(Errno) -> FuseVext.Inode {
    try fileSystem.inspect(resources) { (metadata) throws(Errno) in try metadata.inode(number) }
  }

  private func end() throws {
    try fileSystem.close(resources)
    disk.expectClean()
  }

  @Test func `a thread that found a dirty file before it was freed does not write to its reused inode`()
    throws
  {
    let inode = try makeDirtyFile("old")
    try fileSystem.unlink(Array("old".utf8), in: FileSystem.root, resources)
    try fileSystem.forget(inode.number, count: 1, resources)
    let successor = try makeFile("new", mode: 0o100600)
    try #require(successor.number == inode.number)
    // What the regular writer and a late RELEASE do.
    try fileSystem.commit(inode, resources)
    try fileSystem.trim(inode, resources)
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
      try? fileSystem.forget(number, count: 1, ServingResources(device: device))
    }
    HostClock.sleep(nanoseconds: 100_000_000)
    let wasThere = try isStillThere()
    inode.lock.unlock()
    thread.join()
    #expect(wasThere)
    #expect(try !isStillThere())
    try end()
  }

  @Test func `a file is freed after the last operation on it`() throws {
    let inode = try makeDirtyFile("file")
    try fileSystem.unlink(Array("file".utf8), in: FileSystem.root, resources)
    try forgetWhileLocked(inode) { try record(inode.number).deletionTime == 0 }
  }

  @Test func `a file stays in memory until the writer of its dirty structures is done`() throws {
    let inode = try makeDirtyFile("file")
    try fileSystem.commit(inode, resources)
    try forgetWhileLocked(inode) { fileSystem.knownInode(inode.number) != nil }
  }

  @Test func `fsync waits for the writer of the file's dirty structures`() throws {
    let inode = try makeDirtyFile("file")
    inode.lock.lockExclusively()
    // As in commitLocked(_:_:): it counts as clean before it is.
    inode.isDirty.store(false, ordering: .relaxed)
    let (fileSystem, device) = (fileSystem, device)
    let isDone = Flag()
    let thread = try HostThread(name: "synchronizes", cpus: nil) {
      try? fileSystem.synchronize(inode, ServingResources(device: device))
      isDone.value.store(true, ordering: .relaxed)
    }
    HostClock.sleep(nanoseconds: 100_000_000)
    let wasDone = isDone.value.load(ordering: .relaxed)
    inode.isDirty.store(true, ordering: .relaxed)
    inode.lock.unlock()
    thread.join()
    #expect(!wasDone)
    let isDoneNow = isDone.value.load(ordering: .relaxed)
    #expect(isDoneNow)
    #expect(try record(inode.number).byteCount == 256 << 10)
    try end()
  }

  @Test func `looking up a name while its file is forgotten keeps the file's state in memory`() throws {
    let inode = try makeDirtyFile("file")
    let found = try fileSystem.lookup(Array("file".utf8), in: FileSystem.root, resources)
    #expect(found?.attributes.st_size == 256 << 10)
    try fileSystem.forget(inode.number, count: 1, resources)
    #expect(fileSystem.knownInode(inode.number) === inode)
    try fileSystem.forget(inode.number, count: 1, resources)
    #expect(fileSystem.knownInode(inode.number) == nil)
    #expect(try record(inode.number).byteCount == 256 << 10)
    try end()
  }

  @Test func `a writer that waits comes before readers that come later`() throws {
    let lock = ThreadLock()
    let (written, read) = (Flag(), Flag())
    lock.lockShared()
    let writer = try HostThread(name: "writes", cpus: nil) {
      lock.exclusively {
        // The reader must not have come in meanwhile.
        written.value.store(!read.value.load(ordering: .relaxed), ordering: .relaxed)
      }
    }
    HostClock.sleep(nanoseconds: 100_000_000)
    let reader = try HostThread(name: "reads", cpus: nil) {
      lock.shared { read.value.store(true, ordering: .relaxed) }
    }
    HostClock.sleep(nanoseconds: 100_000_000)
    let hasReadEarly = read.value.load(ordering: .relaxed)
    lock.unlock()
    writer.join()
    reader.join()
    let (wasFirst, hasRead) = (written.value.load(ordering: .relaxed), read.value.load(ordering: .relaxed))
    #expect(!hasReadEarly)
    #expect(wasFirst)
    #expect(hasRead)
    try end()
  }

  @Test func `space that a flush under way releases satisfies an operation that is short of space`() throws {
    let inode = try makeFile("large")
    func allocate(_ inode: OpenInode) throws {
      try fileSystem.changeSpace(
        .allocate(keepsSize: false), of: inode, offset: 0, byteCount: 40 << 20, resources)
    }
    try allocate(inode)
    try fileSystem.unlink(Array("large".utf8), in: FileSystem.root, resources)
    try fileSystem.forget(inode.number, count: 1, resources)
    // As FileSystem.flush(_:) before it waits for the device.
    let mark = try fileSystem.inspect(resources) { (metadata) throws(Errno) in metadata.freed.mark() }
    let next = try makeFile("next")
    try allocate(next)
    try fileSystem.truncate(next, to: 0, resources)
    // What was freed after the mark is not released by it.
    let (before, after) = try fileSystem.inspect(resources) { (metadata) throws(Errno) in
      let before = metadata.freed.blockCount
      metadata.freed.release(before: mark, in: metadata.library)
      return (before, metadata.freed.blockCount)
    }
    #expect(before >= UInt64(40 << 20 / fileSystem.blockByteCount))
    #expect(after == before)
    try end()
  }
}

private final class Flag: Sendable {
  let value = Atomic<Bool>(false)
}
