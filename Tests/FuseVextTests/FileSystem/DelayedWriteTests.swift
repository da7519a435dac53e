import Synchronization
import SystemPackage
import Testing

@testable import FuseVext

/// Small writes that stay in memory until their file is committed.
@Suite struct DelayedWriteTests {
  /// A file system in memory, with one file.
  private final class Open {
    let device: MemoryDevice
    let fileSystem: FileSystem
    let resources: ServingResources
    let inode: OpenInode

    init(make: String = "mkfs.ext4 -q -F -b 4096", durability: FileSystem.Durability = .byFlags) throws {
      let disk = MountedImage(megabytes: 16, make: make)
      device = try MemoryDevice(try ImageBytes.read(disk.image))
      resources = try ServingResources(device: device)
      fileSystem = try FileSystem(
        device: device, resources: resources, readOnly: false, durability: durability)
      try fileSystem.begin(resources)
      inode = try Self.create("file", fileSystem, resources)
    }

    static func create(_ name: String, _ fileSystem: FileSystem, _ resources: ServingResources) throws
      -> OpenInode
    {
      let new = NewInode(mode: 0o100644, user: 0, group: 0)
      let made = try fileSystem.create(Array(name.utf8), in: FileSystem.root, new, resources)
      return fileSystem.openInode(made.number)
    }

    func write(_ bytes: [UInt8], at offset: UInt64, delays: Bool = true, to other: OpenInode? = nil) throws {
      let buffer = try BlockBuffer(byteCount: bytes.count)
      let memory = buffer.slice(0, bytes.count)
      memory.copy(from: bytes)
      try fileSystem.write(other ?? inode, offset: offset, memory, delays: delays, resources)
    }

    func contents() throws -> [UInt8] {
      try fileSystem.read(inode, offset: 0, byteCount: 1 << 20, resources).bytes
    }

    /// Number of writes of the device since the start.
    var writeCount: Int { device.writeCount.load(ordering: .relaxed) }

    /// The contents of a file after a crash at this moment; nil if the name is missing.
    func afterCrash(_ name: String = "file") throws -> [UInt8]? {
      let copy = try MemoryDevice(device.bytes)
      let resources = try ServingResources(device: copy)
      // Without a journal only e2fsck may repair it, but what was durable can be read.
      let fileSystem = try FileSystem(device: copy, resources: resources, readOnly: true)
      guard let found = try fileSystem.lookup(Array(name.utf8), in: FileSystem.root, resources) else {
        return nil
      }
      return try fileSystem.read(
        fileSystem.openInode(found.number), offset: 0, byteCount: 1 << 20, resources
      ).bytes
    }
  }

  private static let makes = [
    "mkfs.ext4 -q -F -b 4096", "mkfs.ext2 -q -F -b 1024", "mkfs.ext4 -q -F -b 1024",
  ]

  @Test(arguments: makes)
  func `small writes become one request at the commit`(make: String) throws {
    let open = try Open(make: make)
    try open.write([1], at: 0)
    let before = open.writeCount
    var expected: [UInt8] = [1]
    for index in 1..<3000 {
      let byte = UInt8(truncatingIfNeeded: index)
      try open.write([byte], at: UInt64(index))
      expected.append(byte)
    }
    #expect(open.writeCount == before)
    #expect(try open.contents() == expected)
    #expect(open.inode.data?.delayed != nil)
    try open.fileSystem.synchronize(open.inode, open.resources)
    #expect(open.inode.data?.delayed == nil)
    #expect(try open.contents() == expected)
    #expect(try open.afterCrash() == expected)
  }

  @Test(arguments: makes)
  func `fdatasync makes delayed writes durable`(make: String) throws {
    let open = try Open(make: make)
    try open.write(Array("short".utf8), at: 5000)
    try open.fileSystem.synchronize(open.inode, dataOnly: true, open.resources)
    #expect(try open.afterCrash() == [UInt8](repeating: 0, count: 5000) + Array("short".utf8))
  }

  @Test func `a write to another position sends what is delayed first`() throws {
    let open = try Open()
    try open.write([7], at: 0)
    let before = open.writeCount
    try open.write([8], at: 1 << 20)
    #expect(open.writeCount == before + 1)
    #expect(open.inode.data?.delayed?.first == 256)
  }

  @Test func `no file delays more than its limit, and no large write is delayed`() throws {
    let open = try Open()
    let bytes = [UInt8](repeating: 3, count: 4096)
    for index in 0..<64 {
      try open.write(bytes, at: UInt64(index) * 4096)
      let count = open.inode.data?.delayed?.content.count ?? 0
      #expect(count <= DelayedBlocks.largestByteCount)
    }
    try open.fileSystem.synchronize(open.inode, open.resources)
    try open.write([UInt8](repeating: 4, count: DelayedBlocks.largestWriteByteCount + 1), at: 1 << 20)
    #expect(open.inode.data?.delayed == nil)
  }

  @Test func `reads and SEEK_DATA see delayed bytes between holes and older data`() throws {
    let open = try Open()
    try open.write([UInt8](repeating: 1, count: 8192), at: 0, delays: false)
    try open.write([2, 2], at: 4095)
    #expect(try open.contents()[4094..<4098] == [1, 2, 2, 1])
    try open.write([9], at: 100_000)
    #expect(try open.contents()[99_999...] == [0, 9])
    #expect(try open.fileSystem.seek(open.inode, offset: 50_000, toData: true, open.resources) == 98_304)
    // A write that is not delayed goes over what is.
    try open.write([5], at: 100_000, delays: false)
    #expect(try open.contents()[99_999...] == [0, 5])
    #expect(open.inode.data?.delayed == nil)
  }

  @Test func `whole blocks that are written beside delayed ones do not lose to them`() throws {
    let open = try Open()
    try open.write([UInt8](repeating: 1, count: 12288), at: 0, delays: false)
    try open.fileSystem.synchronize(open.inode, open.resources)
    try open.write([2], at: 4096)
    try open.write([UInt8](repeating: 3, count: 4096), at: 4096)
    try open.write([UInt8](repeating: 4, count: 4096), at: 8192)
    try open.fileSystem.synchronize(open.inode, open.resources)
    let found = try open.contents()
    #expect([found[4095], found[4096], found[8191], found[8192]] == [1, 3, 3, 4])
  }

  @Test func `a write among delayed blocks changes them alone`() throws {
    let open = try Open()
    for index in 0..<10 { try open.write([UInt8](repeating: 1, count: 4096), at: UInt64(index) * 4096) }
    let before = open.writeCount
    try open.write([2, 3], at: 3 * 4096 + 4095)
    #expect(open.writeCount == before)
    #expect(open.inode.data?.delayed?.blocks == 0..<10)
    #expect(try open.contents()[16382..<16386] == [1, 2, 3, 1])
  }

  @Test(arguments: [0, 1, 4096, 5000])
  func `truncation and holes apply to delayed bytes`(size: UInt64) throws {
    let open = try Open()
    try open.write([UInt8](repeating: 1, count: 6000), at: 0)
    try open.fileSystem.truncate(open.inode, to: size, open.resources)
    try open.fileSystem.truncate(open.inode, to: 6000, open.resources)
    let cut = [UInt8](repeating: 1, count: Int(size)) + [UInt8](repeating: 0, count: 6000 - Int(size))
    #expect(try open.contents() == cut)
    try open.write([UInt8](repeating: 2, count: 6000), at: 0)
    try open.fileSystem.changeSpace(.punchHole, of: open.inode, offset: 10, byteCount: 5, open.resources)
    #expect(try open.contents()[9..<16] == [2, 0, 0, 0, 0, 0, 2])
  }

  @Test func `after an error the bytes stay, fsync reports it, and the next fsync writes them`() throws {
    let open = try Open()
    try open.write([1, 2, 3], at: 0)
    open.device.writeLimit.store(0, ordering: .relaxed)
    #expect(throws: Errno.ioError) { try open.fileSystem.synchronize(open.inode, open.resources) }
    #expect(try open.contents() == [1, 2, 3])
    open.device.writeLimit.store(.max, ordering: .relaxed)
    try open.fileSystem.synchronize(open.inode, open.resources)
    #expect(try open.afterCrash() == [1, 2, 3])
  }

  @Test func `a full disk refuses the write that has no room`() throws {
    let open = try Open()
    let rest = try Open.create("rest", open.fileSystem, open.resources)
    var offset: UInt64 = 0
    #expect(throws: Errno.noSpace) {
      while true {
        try open.write([UInt8](repeating: 1, count: 1 << 20), at: offset, to: rest)
        offset += 1 << 20
      }
    }
    #expect(throws: Errno.noSpace) {
      for index in 0..<4096 { try open.write([1], at: UInt64(index) << 16) }
    }
    try open.fileSystem.synchronizeAll(open.resources)
  }

  @Test func `sync mounts delay nothing`() throws {
    let open = try Open(durability: .everything)
    try open.write([1], at: 0)
    #expect(open.inode.data?.delayed == nil)
  }

  @Test func `a file without a name takes its delayed bytes with it`() throws {
    let open = try Open()
    try open.write([UInt8](repeating: 1, count: 4096), at: 0)
    let before = open.writeCount
    try open.fileSystem.unlink(Array("file".utf8), in: FileSystem.root, open.resources)
    try open.fileSystem.forget(open.inode.number, count: 1, open.resources)
    #expect(open.writeCount == before)
    try open.fileSystem.close(open.resources)
  }

  @Test func `the files of a file system share a room`() {
    let room = DelayedRoom(byteCount: 10)
    var first: DelayedRoom.Share? = DelayedRoom.Share(of: room)
    let second = DelayedRoom.Share(of: room)
    #expect(first?.take(6) == true)
    #expect(!second.take(5))
    #expect(second.take(4))
    first = nil
    #expect(second.take(6))
    #expect(!second.take(1))
  }

  @Test func `a crash after a rename that replaces a file leaves the old or the new contents`() throws {
    let open = try Open()
    try open.write(Array("old".utf8), at: 0)
    try open.fileSystem.synchronize(open.inode, open.resources)
    let new = try Open.create("new", open.fileSystem, open.resources)
    try open.write(Array("new contents".utf8), at: 0, to: new)
    #expect(try open.afterCrash() == Array("old".utf8))
    try open.fileSystem.rename(
      Metadata.Place(parent: FileSystem.root, name: Array("new".utf8)),
      to: Metadata.Place(parent: FileSystem.root, name: Array("file".utf8)), flags: 0, open.resources)
    #expect(try open.afterCrash() == Array("old".utf8))
    try open.fileSystem.flush(open.resources)
    #expect(try open.afterCrash() == Array("new contents".utf8))
  }

  @Test func `closing a file that was emptied and written commits it`() throws {
    let open = try Open()
    try open.write(Array("old".utf8), at: 0)
    try open.fileSystem.synchronize(open.inode, open.resources)
    try open.fileSystem.truncate(open.inode, to: 0, open.resources)
    try open.write(Array("new".utf8), at: 0)
    try open.fileSystem.commitRewritten(open.inode, open.resources)
    try open.fileSystem.flush(open.resources)
    #expect(try open.afterCrash() == Array("new".utf8))
    try open.write(Array("er".utf8), at: 3)
    try open.fileSystem.commitRewritten(open.inode, open.resources)
    #expect(open.inode.data?.delayed != nil)
  }
}
