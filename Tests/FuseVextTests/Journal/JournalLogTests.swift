import CExt2
import HostSystem
import Synchronization
import SystemPackage
import Testing

@testable import FuseVext

/// The journal as fuse-vext writes it, read by e2fsck: each test copies the image of a mounted file system, as a crash
/// would leave it.
@Suite(.serialized)
struct JournalLogTests {
  /// A file system in this process.
  private struct Open {
    let disk: MountedImage
    let fileSystem: FileSystem
    let resources: ServingResources

    init(make: String, megabytes: Int = 32) throws {
      disk = MountedImage(megabytes: megabytes, make: make)
      let device = try FileDevice(path: disk.image, readOnly: false)
      resources = try ServingResources(device: device)
      fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
      try fileSystem.begin(resources)
    }

    @discardableResult
    func create(_ name: String, mode: UInt16 = 0o100644, target: [UInt8] = []) throws -> UInt32 {
      var new = NewInode(mode: mode, user: 0, group: 0)
      new.target = target
      return try fileSystem.create(Array(name.utf8), in: FileSystem.root, new, resources).number
    }

    func write(_ byte: UInt8, count: Int, to number: UInt32) throws {
      let buffer = try BlockBuffer(byteCount: count)
      buffer.slice(0, count).fill(with: byte)
      try fileSystem.write(
        fileSystem.openInode(number), offset: 0, buffer.slice(0, count), resources)
    }

    /// What a crash would leave, after a replay by e2fsck, which must find nothing else to do. Returns the output of a command of
    /// debugfs on it.
    func replayed(_ command: String = "stats") -> String {
      let copy = disk.folder.path + "/crashed"
      let replay = Command.run(
        "cp '\(disk.image)' '\(copy)' && dumpe2fs -h '\(copy)' | grep -q needs_recovery && "
          + "e2fsck -E journal_only -fy '\(copy)'; [ $? -le 1 ] && e2fsck -fn '\(copy)'")
      #expect(replay.exitCode == 0, "\(replay.output)")
      return Command.run("debugfs -R '\(command)' '\(copy)'").output
    }

    func close() throws {
      try fileSystem.close(resources)
      disk.expectClean()
      #expect(!Command.run("dumpe2fs -h '\(disk.image)'").output.contains("needs_recovery"))
    }
  }

  static let makes = [
    "mkfs.ext4 -q -F", "mkfs.ext4 -q -F -b 4096", "mkfs.ext4 -q -F -O ^64bit,^metadata_csum",
    "mkfs.ext4 -q -F -O ^64bit",
  ]

  @Test(arguments: makes)
  func `what a commit acknowledged is there after a replay, and nothing half done`(make: String) throws {
    let open = try Open(make: make)
    let number = try open.create("kept")
    try open.write(0x61, count: 5000, to: number)
    try open.create("folder", mode: 0o040755)
    try open.fileSystem.synchronize(open.fileSystem.openInode(number), open.resources)
    try open.create("later")
    #expect(open.replayed("stat kept").contains("Size: 5000"))
    #expect(open.replayed("stat folder").contains("Type: directory"))
    #expect(open.replayed("stat later").contains("not found"))
    try open.close()
  }

  @Test(arguments: makes)
  func `a block that begins with the journal's magic number is escaped`(make: String) throws {
    let open = try Open(make: make)
    let target: [UInt8] = [0xC0, 0x3B, 0x39, 0x98] + Array(repeating: 0x78, count: 100)
    let number = try open.create("link", mode: 0o120777, target: target)
    try open.fileSystem.flush(open.resources)
    let copy = open.disk.folder.path + "/crashed"
    _ = open.replayed()
    let device = try FileDevice(path: copy, readOnly: true)
    let resources = try ServingResources(device: device)
    let replayed = try FileSystem(device: device, resources: resources, readOnly: true)
    #expect(try replayed.symbolicLinkTarget(number, resources) == target)
    try open.close()
  }

  @Test(arguments: makes)
  func `a block that held structures and holds data now is not overwritten by a replay`(make: String) throws {
    let open = try Open(make: make, megabytes: 16)
    // Folders whose blocks are in the log, then a file that takes them.
    for index in 0..<200 { try open.create("folder-\(index)", mode: 0o040755) }
    try open.fileSystem.flush(open.resources)
    for index in 0..<200 {
      try open.fileSystem.removeDirectory(Array("folder-\(index)".utf8), in: FileSystem.root, open.resources)
    }
    for number in open.fileSystem.known.withLock({ Array($0.keys) }) where number != FileSystem.root {
      try open.fileSystem.forget(number, count: 1, open.resources)
    }
    try open.fileSystem.flush(open.resources)
    let number = try open.create("file")
    let inode = open.fileSystem.openInode(number)
    let chunk = 1 << 20
    let buffer = try BlockBuffer(byteCount: chunk)
    buffer.slice(0, chunk).fill(with: 0x5A)
    var end: UInt64 = 0
    do throws(Errno) {
      while true {
        try open.fileSystem.write(inode, offset: end, buffer.slice(0, chunk), open.resources)
        end += UInt64(chunk)
      }
    } catch {
      #expect(error == .noSpace)
    }
    try open.fileSystem.synchronize(inode, open.resources)
    _ = open.replayed("dump file \(open.disk.folder.path)/dump")
    let size = open.fileSystem.knownInode(number)?.data?.byteCount ?? 0
    #expect(size >= end)
    let others = Command.run("tr -d 'Z' < '\(open.disk.folder.path)/dump' | wc -c").output
    #expect(others == "0\n")
    try open.close()
  }

  @Test(arguments: makes)
  func `a log that wraps around many times keeps what was committed last`(make: String) throws {
    let open = try Open(make: make)
    for index in 0..<1500 {
      try open.create("file-\(index)")
      if index % 3 == 0 { try open.fileSystem.flush(open.resources) }
      if index % 500 == 499 {
        try open.fileSystem.flush(open.resources)
        #expect(open.replayed("stat file-\(index)").contains("Type: regular"))
      }
    }
    try open.close()
  }

  @Test func `a transaction that freed blocks leaves them free after a replay`() throws {
    let open = try Open(make: "mkfs.ext4 -q -F")
    let number = try open.create("file")
    try open.write(1, count: 1 << 20, to: number)
    try open.fileSystem.synchronize(open.fileSystem.openInode(number), open.resources)
    try open.fileSystem.unlink(Array("file".utf8), in: FileSystem.root, open.resources)
    try open.fileSystem.forget(number, count: 1, open.resources)
    try open.create("next")
    try open.fileSystem.flush(open.resources)
    #expect(open.replayed("stat file").contains("not found"))
    try open.close()
  }

  @Test(arguments: ["mkfs.ext4 -q -F -b 1024", "mkfs.ext4 -q -F -b 1024 -O ^64bit,^metadata_csum"])
  func `a file of very many pieces is cut, punched and freed in steps that the log has room for`(
    make: String
  ) throws {
    let open = try Open(make: make)
    let number = try open.create("file")
    let inode = open.fileSystem.openInode(number)
    let memory = try BlockBuffer(byteCount: 1024)
    for piece in 0..<UInt64(6000) {
      try open.fileSystem.write(inode, offset: piece * 2048, memory.slice(0, 1024), open.resources)
    }
    try open.fileSystem.synchronize(inode, open.resources)
    try open.fileSystem.truncate(inode, to: 10_000_000, open.resources)
    _ = open.replayed()
    try open.fileSystem.changeSpace(
      .punchHole, of: inode, offset: 1000, byteCount: 5_000_000, open.resources)
    _ = open.replayed()
    try open.fileSystem.unlink(Array("file".utf8), in: FileSystem.root, open.resources)
    try open.fileSystem.forget(number, count: 1, open.resources)
    try open.fileSystem.flush(open.resources)
    #expect(open.replayed("stat file").contains("not found"))
    try open.close()
  }

  @Test func `fdatasync of a file whose blocks and size are committed writes no transaction`() throws {
    let open = try Open(make: "mkfs.ext4 -q -F")
    let number = try open.create("file")
    let inode = open.fileSystem.openInode(number)
    func finishedCount() -> UInt64 {
      open.fileSystem.journal?.finishedCount.load(ordering: .sequentiallyConsistent) ?? 0
    }
    try open.write(1, count: 4096, to: number)
    try open.fileSystem.synchronize(inode, dataOnly: true, open.resources)
    #expect(finishedCount() == 1)
    #expect(open.replayed("stat file").contains("Size: 4096"))
    try open.write(2, count: 4096, to: number)
    try open.fileSystem.synchronize(inode, dataOnly: true, open.resources)
    #expect(finishedCount() == 1)
    try open.write(3, count: 8192, to: number)
    try open.fileSystem.synchronize(inode, dataOnly: true, open.resources)
    #expect(finishedCount() == 2)
    #expect(open.replayed("stat file").contains("Size: 8192"))
    try open.close()
  }

  @Test func `without journal writes the journal stays empty`() throws {
    let disk = MountedImage(megabytes: 32)
    let device = try FileDevice(path: disk.image, readOnly: false)
    let resources = try ServingResources(device: device)
    let fileSystem = try FileSystem(
      device: device, resources: resources, readOnly: false, writesJournal: false)
    try fileSystem.begin(resources)
    let state = Command.run("dumpe2fs -h '\(disk.image)'").output
    #expect(state.contains("not clean") && !state.contains("needs_recovery"))
    try fileSystem.close(resources)
    disk.expectClean()
  }
}
