import CExt2
import CLinux
import Glibc
import SystemPackage
import Testing

@testable import FuseVext

/// Numbers from requests and from old or large file systems, at the ends of what the format holds.
@Suite(.serialized)
struct InputTests {
  static func open(_ path: String, readOnly: Bool = false) throws -> (FileSystem, ServingResources) {
    let device = try FileDevice(path: path, readOnly: readOnly, usesPageCache: true)
    let resources = try ServingResources(device: device)
    let fileSystem = try FileSystem(device: device, resources: resources, readOnly: readOnly)
    try fileSystem.begin(resources)
    return (fileSystem, resources)
  }

  // MARK: Times

  @Test(
    arguments: [
      (256, Int64.max, 15_032_385_535), (256, Int64.min, -2_147_483_648), (256, 1 << 34, 15_032_385_535),
      (256, -2_147_483_649, -2_147_483_648), (256, 4_102_444_800, 4_102_444_800),
      (256, -302_486_400, -302_486_400),
      (128, Int64.max, 2_147_483_647), (128, Int64.min, -2_147_483_648), (128, 2_147_483_648, 2_147_483_647),
      (128, -1, -1),
    ] as [(Int, Int64, Int64)])
  func `times are clamped to what the inode holds`(inodeByteCount: Int, seconds: Int64, kept: Int64) throws {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -I \(inodeByteCount)")
    let (fileSystem, resources) = try Self.open(disk.image)
    let file = try fileSystem.create(
      Array("file".utf8), in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0), resources)
    let time = InodeTime(seconds: seconds, nanoseconds: .max)
    var change = FileSystem.AttributeChange()
    change.accessTime = time
    change.modificationTime = time
    change.changeTime = time
    _ = try fileSystem.setAttributes(change, of: file.number, resources)
    let status = try fileSystem.attributes(of: file.number, resources)
    for moment in [status.st_atim, status.st_mtim, status.st_ctim] {
      #expect(Int64(moment.tv_sec) == kept)
      #expect(moment.tv_nsec == (seconds == kept && inodeByteCount > 128 ? 999_999_999 : 0))
    }
    try fileSystem.close(resources)
    disk.expectClean()
  }

  @Test func `a time whose extra word the inode has no room for has 32 bits`() {
    var inode = Inode(number: 12)
    // Up to and with the one of the time of change.
    inode.raw.i_extra_isize = 8
    let time = InodeTime(seconds: 1 << 33, nanoseconds: 5)
    inode.changeTime = time
    inode.modificationTime = time
    inode.setCreationTime(time)
    #expect(inode.changeTime == time)
    #expect(inode.modificationTime == InodeTime(seconds: 2_147_483_647, nanoseconds: 0))
    #expect(inode.creationTime == nil)
    #expect(inode.raw.i_crtime == 0)
  }

  // MARK: Revision 0

  @Test func `a file system of revision 0 needs no size of inodes in its superblock`() throws {
    let disk = MountedImage(megabytes: 16, make: "mke2fs -q -F -r 0 -O none -b 1024")
    // s_first_ino and s_inode_size
    try ImageBytes.write([0, 0, 0, 0, 0, 0], to: disk.image, at: 1024 + 84)
    do {
      let (fileSystem, resources) = try Self.open(disk.image)
      let file = try fileSystem.create(
        Array("file".utf8), in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0), resources)
      let inode = fileSystem.openInode(file.number)
      try fileSystem.write(inode, offset: 0, resources.zeros.slice(0, 1000), resources)
      _ = try fileSystem.create(
        Array("folder".utf8), in: FileSystem.root, NewInode(mode: 0o040755, user: 0, group: 0), resources)
      #expect(try fileSystem.attributeNames(of: file.number, resources).isEmpty)
      try fileSystem.close(resources)
    }
    disk.expectClean()
    let (fileSystem, resources) = try Self.open(disk.image)
    let found = try #require(try fileSystem.lookup(Array("file".utf8), in: FileSystem.root, resources))
    #expect(found.attributes.st_size == 1000)
    try fileSystem.close(resources)
  }

  // MARK: Directories

  @Test(arguments: ["dir_nlink", "^dir_nlink"])
  func `a directory counts its links again once there are few enough`(feature: String) throws {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -O \(feature),^metadata_csum")
    func make(_ name: String, _ folder: UInt32, _ fileSystem: FileSystem, _ resources: ServingResources)
      throws -> UInt32
    {
      try fileSystem.create(
        Array(name.utf8), in: folder, NewInode(mode: 0o040755, user: 0, group: 0), resources
      ).number
    }
    do {
      let (fileSystem, resources) = try Self.open(disk.image)
      let folder = try make("folder", FileSystem.root, fileSystem, resources)
      for number in 0..<5 { _ = try make("\(number)", folder, fileSystem, resources) }
      // As if there were many more.
      try fileSystem.change(resources) { (metadata) throws(Errno) in
        var inode = try metadata.inode(folder)
        inode.linkCount = 65000
        try metadata.write(inode)
      }
      if feature == "^dir_nlink" {
        #expect(throws: Errno.tooManyLinks) { try make("one too many", folder, fileSystem, resources) }
        return
      }
      _ = try make("one too many", folder, fileSystem, resources)
      #expect(try fileSystem.attributes(of: folder, resources).st_nlink == 1)
      try fileSystem.removeDirectory(Array("3".utf8), in: folder, resources)
      #expect(try fileSystem.attributes(of: folder, resources).st_nlink == 2 + 5)
      try fileSystem.close(resources)
    }
    disk.expectClean()
  }

  @Test func `a directory takes memory by its size, not by what its extents claim`() throws {
    let disk = MountedImage(megabytes: 64, make: "mkfs.ext4 -q -F -b 4096 -O ^metadata_csum")
    let name = Array("folder".utf8)
    do {
      let (fileSystem, resources) = try Self.open(disk.image)
      let folder = try fileSystem.create(
        name, in: FileSystem.root, NewInode(mode: 0o040755, user: 0, group: 0), resources
      ).number
      _ = try fileSystem.create(
        Array("file".utf8), in: folder, NewInode(mode: 0o100644, user: 0, group: 0), resources)
      try fileSystem.change(resources) { (metadata) throws(Errno) in
        var inode = try metadata.inode(folder)
        var root = try metadata.extentRoot(of: inode)
        let physical = root.entries[0].physical
        let leaf = try metadata.takeBlock(near: physical)
        let extents = (0..<340).map {
          ExtentNode.Entry(logical: UInt64($0) * 8192, physical: physical, count: 8192)
        }
        try metadata.cache.write(
          byteOffset: leaf * 4096, bytes: ExtentNode(depth: 0, entries: extents).encoded(byteCount: 4096))
        root = ExtentNode(depth: 1, entries: [ExtentNode.Entry(logical: 0, physical: leaf)])
        let bytes = root.encoded(byteCount: ExtentNode.rootByteCount)
        inode.setBlockBytes(bytes)
        try metadata.write(inode)
      }
      try fileSystem.close(resources)
    }
    do {
      let (fileSystem, resources) = try Self.open(disk.image)
      let folder = try #require(try fileSystem.lookup(name, in: FileSystem.root, resources)).number
      #expect(try fileSystem.lookup(Array("file".utf8), in: folder, resources) != nil)
      let record = try fileSystem.inspect(resources) { (metadata) throws(Errno) in try metadata.inode(folder)
      }
      let isRefused = #expect(throws: Errno.self) {
        try fileSystem.inspect(resources) { (metadata) throws(Errno) in _ = try metadata.runs(of: record) }
      }
      #expect(isRefused == .corrupted)
    }
  }

  @Test func `names are found, removed and added in a table that grows`() {
    var table = NameTable()
    let names = (0..<5000).map { Array("name-\($0)".utf8) }
    for (index, name) in names.enumerated() { table.insert(NameTable.hash(name), at: UInt64(index) * 12) }
    for (index, name) in names.enumerated() where index % 3 == 0 {
      table.remove(NameTable.hash(name), at: UInt64(index) * 12)
    }
    #expect(table.count == 5000 - 1667)
    for (index, name) in names.enumerated() {
      let position = table.first(NameTable.hash(name)) { $0 == UInt64(index) * 12 }
      #expect((position == nil) == (index % 3 == 0))
    }
  }
}
