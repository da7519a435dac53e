import Glibc
import Hypervisor
import Testing

/// Files of a share as a well-behaved guest uses them.
@Suite struct NinePFileTests {
  private typealias T = NinePClient.T
  private let directory = NinePTemporaryDirectory()

  @Test func `written data are read back by the guest and by the host`() throws {
    let client = try NinePClient(directory)
    let fid = try client.create("hello")
    #expect(try client.write(fid, Array("hello, world".utf8)) == 12)
    #expect(try client.write(fid, Array("W".utf8), at: 7) == 1)
    #expect(String(decoding: try client.read(fid), as: UTF8.self) == "hello, World")
    #expect(try client.read(fid, at: 7, count: 3) == Array("Wor".utf8))
    #expect(try client.read(fid, at: 12).isEmpty)
    #expect(directory.read("hello") == "hello, World")
  }

  @Test func `a read gives no more than a message carries`() throws {
    directory.write("big", String(repeating: "x", count: 20_000))
    let client = try NinePClient(directory)
    let fid = try client.open(["big"])
    #expect(try client.read(fid, count: .max).count == 8192 - 11)
    // Less room in memory than in a message.
    var answer = try client.call(
      T.read, NinePMessage().u32(fid).u64(0).u32(4096), replyByteCount: 100)
    #expect(answer.u32() == 89)
  }

  @Test func `flags of open: truncation, appending, and no creation by lopen`() throws {
    directory.write("file", "12345678")
    let client = try NinePClient(directory)
    let appended = try client.open(["file"], flags: 0o2001)
    try client.write(appended, Array("9".utf8), at: 0)
    #expect(directory.read("file") == "123456789")
    // O_CREAT, O_EXCL, O_DIRECT, O_NOFOLLOW, O_CLOEXEC: no business of the host.
    let odd = try client.open(["file"], flags: 0o2440300 | 0o400000)
    #expect(try client.read(odd).count == 9)
    _ = try client.open(["file"], flags: 0o1002)
    #expect(directory.read("file") == "")
    #expect(throws: NinePRefusal(EINVAL)) { try client.open(["file"], flags: 3) }
  }

  @Test func `lcreate opens what exists unless it is exclusive`() throws {
    directory.write("file", "old")
    let client = try NinePClient(directory)
    #expect(throws: NinePRefusal(EEXIST)) { try client.create("file", flags: 0o302) }
    let fid = try client.create("file", flags: 0o102)
    #expect(String(decoding: try client.read(fid), as: UTF8.self) == "old")
    directory.makeDirectory("folder")
    #expect(throws: NinePRefusal(EISDIR)) { try client.create("folder", flags: 0o101) }
  }

  @Test func `mode and owner of what is created are the guest's in a passthrough share, whatever the umask`()
    throws
  {
    // The usual umask, 022, takes bits away from each of these. It is left alone: other tests share it.
    let client = try NinePClient(directory, security: .passthrough, user: 1234)
    _ = try client.create("file", mode: 0o4757, group: 4321)
    try client.mkdir("folder", mode: 0o1777, group: 4321)
    _ = try client.call(
      T.symlink, NinePMessage().u32(0).string("link").string("folder").u32(4321))
    for (name, mode) in [("file", 0o104757), ("folder", 0o041777), ("link", 0o120777)] as [(String, mode_t)] {
      let status = try #require(directory.status(name))
      #expect(status.st_mode == mode, "\(name)")
      if geteuid() == 0 {
        #expect(status.st_uid == 1234, "\(name)")
        #expect(status.st_gid == 4321, "\(name)")
      }
    }
  }

  @Test func `mknod makes files, FIFOs and sockets, and no devices`() throws {
    let client = try NinePClient(directory)
    func mknod(_ name: String, _ mode: UInt32) throws {
      _ = try client.call(
        T.mknod, NinePMessage().u32(0).string(name).u32(mode).u32(1).u32(3).u32(0))
    }
    try mknod("file", 0o100640)
    try mknod("fifo", 0o010640)
    try mknod("socket", 0o140640)
    #expect(directory.status("file")?.st_mode == 0o100640)
    #expect(directory.status("fifo")?.st_mode == 0o010640)
    #expect(directory.status("socket")?.st_mode == 0o140640)
    #expect(throws: NinePRefusal(EPERM)) { try mknod("null", 0o020666) }
    #expect(throws: NinePRefusal(EPERM)) { try mknod("disk", 0o060666) }
    #expect(directory.status("null") == nil)
  }

  @Test func `only files and directories are opened`() throws {
    _ = unsafe mkfifo(directory.path("fifo"), 0o666)
    if geteuid() == 0 { _ = unsafe Glibc.mknod(directory.path("null"), S_IFCHR | 0o666, 1 << 8 | 3) }
    directory.link("link", to: "fifo")
    let client = try NinePClient(directory)
    // Opening a FIFO to read would block until somebody writes.
    #expect(throws: NinePRefusal(EACCES)) { try client.open(["fifo"]) }
    #expect(throws: NinePRefusal(EACCES)) { try client.create("fifo", flags: 0o101) }
    #expect(throws: NinePRefusal(ELOOP)) { try client.open(["link"]) }
    if directory.status("null") != nil {
      #expect(throws: NinePRefusal(EACCES)) { try client.open(["null"]) }
    }
  }

  @Test func `a file that was unlinked works until its fid is clunked`() throws {
    let client = try NinePClient(directory)
    let fid = try client.create("file")
    _ = try client.call(T.unlinkat, NinePMessage().u32(0).string("file").u32(0))
    #expect(directory.status("file") == nil)
    try client.write(fid, [1, 2, 3])
    #expect(try client.read(fid) == [1, 2, 3])
    #expect(try client.attributes(fid).linkCount == 0)
    try client.setAttributes(fid, valid: 8, size: 1)
    #expect(try client.read(fid) == [1])
    try client.clunk(fid)
    #expect(throws: NinePRefusal(EBADF)) { try client.read(fid) }
  }

  @Test func `fsync takes open files and directories`() throws {
    let client = try NinePClient(directory)
    let fid = try client.create("file")
    for dataOnly in [0, 1] as [UInt32] {
      _ = try client.call(T.fsync, NinePMessage().u32(fid).u32(dataOnly))
    }
    let folder = try client.open([])
    _ = try client.call(T.fsync, NinePMessage().u32(folder).u32(0))
    #expect(throws: NinePRefusal(EBADF)) {
      try client.call(T.fsync, NinePMessage().u32(0).u32(0))
    }
  }

  @Test func `locks hold against other fids, and the conflicting lock is reported`() throws {
    let client = try NinePClient(directory)
    let first = try client.create("file")
    let second = try client.open(["file"], flags: 2)
    func lock(_ fid: UInt32, _ type: UInt8, _ start: UInt64, _ length: UInt64) throws -> UInt8 {
      var answer = try client.call(
        T.lock,
        NinePMessage().u32(fid).u8(type).u32(0).u64(start).u64(length).u32(42).string("guest"))
      return answer.u8()
    }
    func holder(_ fid: UInt32, _ type: UInt8) throws -> [UInt64] {
      var answer = try client.call(
        T.getlock, NinePMessage().u32(fid).u8(type).u64(0).u64(0).u32(42).string("guest"))
      return [UInt64(answer.u8()), answer.u64(), answer.u64()]
    }
    #expect(try lock(first, 1, 10, 5) == 0)
    #expect(try lock(second, 0, 12, 1) == 1)
    #expect(try lock(second, 1, 15, 0) == 0)
    #expect(try holder(second, 0) == [1, 10, 5])
    #expect(try lock(first, 2, 0, 0) == 0)
    #expect(try holder(second, 1).first == 2)
    #expect(try lock(second, 0, 12, 1) == 0)
    #expect(throws: NinePRefusal(EINVAL)) { try lock(first, 3, 0, 0) }
    #expect(throws: NinePRefusal(EINVAL)) { try lock(first, 1, 1 << 63, 0) }
    #expect(throws: NinePRefusal(EBADF)) { try lock(0, 1, 0, 0) }
    // The end of the fid is the end of its locks.
    #expect(try lock(first, 1, 12, 1) == 1)
    try client.clunk(second)
    #expect(try lock(first, 1, 12, 1) == 0)
  }
}
