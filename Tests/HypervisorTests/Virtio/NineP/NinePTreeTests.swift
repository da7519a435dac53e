import Glibc
import Hypervisor
import Testing

/// Names, directories, attributes and file system of a share as a well-behaved guest uses them.
@Suite struct NinePTreeTests {
  private typealias T = NinePClient.T
  private let directory = NinePTemporaryDirectory()

  @Test func `a walk finds files with their qids and reports how far it got`() throws {
    directory.makeDirectory("a")
    directory.makeDirectory("a/b")
    directory.write("a/b/file", "x")
    directory.link("a/link", to: "b")
    let client = try NinePClient(directory)
    let qids = try client.walk(from: 0, to: 10, ["a", "b", "file"])
    #expect(qids.map(\.kind) == [0x80, 0x80, 0])
    #expect(qids.last?.path == directory.status("a/b/file").map { UInt64($0.st_ino) })
    #expect(try client.walk(from: 0, to: 11, ["a", "link"]).last?.kind == 2)
    // Partly found: no new fid.
    #expect(try client.walk(from: 0, to: 12, ["a", "none", "b"]).count == 1)
    #expect(throws: NinePRefusal(EBADF)) { try client.attributes(12) }
    #expect(throws: NinePRefusal(ENOENT)) { try client.walk(from: 0, to: 12, ["none"]) }
    // A walk through a file or a link ends there.
    #expect(try client.walk(from: 0, to: 12, ["a", "link", "file"]).count == 2)
    #expect(throws: NinePRefusal(ENOTDIR)) { try client.walk(from: 10, to: 12, ["x"]) }
  }

  @Test func `dot dot goes up to the root and stays there`() throws {
    directory.makeDirectory("a")
    directory.makeDirectory("a/b")
    let client = try NinePClient(directory)
    let root = try client.attributes(0).qid
    let qids = try client.walk(from: 0, to: 10, ["a", "b", "..", "..", "..", "..", "a"])
    #expect(qids.count == 7)
    #expect(qids[2] == qids[0])
    #expect(qids[3...5].allSatisfy { $0 == root })
    #expect(qids[6] == qids[0])
  }

  @Test func `a walk without names copies a fid, and may replace it`() throws {
    directory.makeDirectory("a")
    directory.write("file", "text")
    let client = try NinePClient(directory)
    let copy = try client.walk([])
    try client.walk(from: copy, to: copy, ["a"])
    #expect(try client.attributes(copy).qid.path == directory.status("a").map { UInt64($0.st_ino) })
    // A copy of an open fid is not open.
    let open = try client.open(["file"])
    let other = try client.walk([], from: open)
    #expect(throws: NinePRefusal(EBADF)) { try client.read(other) }
    _ = try client.call(T.lopen, NinePMessage().u32(other).u32(0))
    #expect(try client.read(other) == Array("text".utf8))
  }

  @Test func `files move, and replace what was there`() throws {
    directory.makeDirectory("a")
    directory.write("one", "1")
    directory.write("two", "2")
    let client = try NinePClient(directory)
    let folder = try client.walk(["a"])
    let one = try client.walk(["one"])
    _ = try client.call(
      T.renameat, NinePMessage().u32(0).string("one").u32(folder).string("moved"))
    #expect(directory.read("a/moved") == "1")
    #expect(directory.read("one") == nil)
    // The fid has gone along.
    _ = try client.call(T.rename, NinePMessage().u32(one).u32(0).string("two"))
    #expect(directory.read("two") == "1")
    #expect(directory.status("a/moved") == nil)
    #expect(throws: NinePRefusal(EBUSY)) {
      try client.call(T.rename, NinePMessage().u32(0).u32(folder).string("root"))
    }
  }

  @Test func `links, removal of files and of directories`() throws {
    directory.makeDirectory("a")
    directory.write("file", "text")
    directory.link("link", to: "/etc/passwd")
    let client = try NinePClient(directory)
    let (folder, file, link) = (try client.walk(["a"]), try client.walk(["file"]), try client.walk(["link"]))
    _ = try client.call(T.link, NinePMessage().u32(folder).u32(file).string("again"))
    #expect(directory.read("a/again") == "text")
    #expect(try client.attributes(file).linkCount == 2)
    // A link to a symbolic link, not to what it names.
    _ = try client.call(T.link, NinePMessage().u32(folder).u32(link).string("soft"))
    #expect(directory.status("a/soft")?.st_mode == 0o120777)
    var target = try client.call(T.readlink, NinePMessage().u32(link))
    #expect(target.string() == "/etc/passwd")
    func unlink(_ name: String, _ flags: UInt32) throws {
      _ = try client.call(T.unlinkat, NinePMessage().u32(0).string(name).u32(flags))
    }
    #expect(throws: NinePRefusal(EISDIR)) { try unlink("a", 0) }
    #expect(throws: NinePRefusal(ENOTEMPTY)) { try unlink("a", 0x200) }
    #expect(throws: NinePRefusal(ENOTDIR)) { try unlink("file", 0x200) }
    #expect(throws: NinePRefusal(EINVAL)) { try unlink("file", 1) }
    try unlink("file", 0)
    try unlink("link", 0)
    _ = try client.call(T.remove, NinePMessage().u32(try client.walk(["a", "again"])))
    _ = try client.call(T.remove, NinePMessage().u32(try client.walk(["a", "soft"])))
    _ = try client.call(T.remove, NinePMessage().u32(folder))
    #expect(throws: NinePRefusal(EBADF)) { try client.attributes(folder) }
    #expect(try client.entries(try client.open([])).map(\.name).sorted() == [".", ".."])
  }

  @Test func `status is read and set: mode, owner, size, times`() throws {
    directory.write("file", "12345678")
    let client = try NinePClient(directory)
    let fid = try client.walk(["file"])
    try client.setAttributes(fid, valid: 1, mode: 0o100751)
    try client.setAttributes(fid, valid: 8, size: 3)
    if geteuid() == 0 { try client.setAttributes(fid, valid: 6, user: 12, group: 13) }
    try client.setAttributes(
      fid, valid: 0x1F0, access: [1_000_000_007, 5], modification: [1_234_567_890, 999_999_999])
    let attributes = try client.attributes(fid)
    #expect(attributes.mode == 0o100751)
    #expect(attributes.byteCount == 3)
    if geteuid() == 0 { #expect([attributes.user, attributes.group] == [12, 13]) }
    #expect(attributes.access == [1_000_000_007, 5])
    #expect(attributes.modification == [1_234_567_890, 999_999_999])
    // Now, and the other as it is.
    try client.setAttributes(fid, valid: 0x20)
    let later = try client.attributes(fid)
    #expect(later.access == attributes.access)
    #expect(later.modification[0] > 1_700_000_000)
    #expect(throws: NinePRefusal(EINVAL)) {
      try client.setAttributes(fid, valid: 0x90, access: [0, 1_000_000_000])
    }
    #expect(throws: NinePRefusal(EINVAL)) { try client.setAttributes(fid, valid: 8, size: 1 << 63) }
    #expect(throws: NinePRefusal(EISDIR)) { try client.setAttributes(0, valid: 8) }
  }

  @Test func `status of a symbolic link is its own`() throws {
    directory.write("file", "x")
    directory.link("link", to: "file")
    let client = try NinePClient(directory)
    let fid = try client.walk(["link"])
    try client.setAttributes(fid, valid: 0x1A0, modification: [1_000_000_000, 0])
    #expect(directory.status("link")?.st_mtim.tv_sec == 1_000_000_000)
    #expect(directory.status("file")?.st_mtim.tv_sec != 1_000_000_000)
    if geteuid() == 0 {
      try client.setAttributes(fid, valid: 2, user: 77)
      #expect(directory.status("link")?.st_uid == 77)
      #expect(directory.status("file")?.st_uid == 0)
    }
    #expect(throws: NinePRefusal(EOPNOTSUPP)) { try client.setAttributes(fid, valid: 1, mode: 0o777) }
    #expect(throws: NinePRefusal(EINVAL)) { try client.setAttributes(fid, valid: 8) }
  }

  @Test func `a directory of 5,000 entries is read whole, in parts of any size, and resumed`() throws {
    let names = Set((0..<5_000).map { "entry-\($0)-" + String(repeating: "x", count: $0 % 40) })
    for name in names { directory.write(name, "") }
    let client = try NinePClient(directory)
    for count in [100, 1000, 8192] as [UInt32] {
      let fid = try client.open([])
      var found: [String] = []
      var offsets = Set<UInt64>()
      var last: UInt64 = 0
      while true {
        let part = try client.entries(fid, at: last, count: count)
        guard let end = part.last else { break }
        found += part.map(\.name)
        for entry in part { #expect(offsets.insert(entry.offset).inserted) }
        last = end.offset
        guard found.count <= 5_002 else { break }
      }
      #expect(found.count == 5_002)
      #expect(Set(found) == names.union([".", ".."]))
    }
    // From anywhere, again and again.
    let fid = try client.open([])
    let first = try client.entries(fid)
    let again = try client.entries(fid, at: first[9].offset)
    #expect(again.first == first[10])
    #expect(try client.entries(fid).map(\.name) == first.map(\.name))
  }

  @Test func `the entry above the root is the root itself`() throws {
    directory.makeDirectory("a")
    let client = try NinePClient(directory)
    let root = try client.attributes(0).qid.path
    let entries = try client.entries(try client.open([]))
    #expect(entries.first { $0.name == ".." }?.qid.path == root)
    #expect(entries.first { $0.name == "a" }?.type == 4)
    #expect(entries.first { $0.name == "a" }?.qid.kind == 0x80)
  }

  @Test func `extended attributes are set, read, listed and removed`() throws {
    directory.write("file", "x")
    let client = try NinePClient(directory)
    func set(_ name: String, _ value: [UInt8], flags: UInt32 = 0) throws {
      let fid = try client.walk(["file"])
      _ = try client.call(
        T.xattrcreate, NinePMessage().u32(fid).string(name).u64(UInt64(value.count)).u32(flags))
      if !value.isEmpty { try client.write(fid, value) }
      try client.clunk(fid)
    }
    func get(_ name: String) throws -> [UInt8] {
      let (fid, new) = (try client.walk(["file"]), client.newFid())
      var answer = try client.call(T.xattrwalk, NinePMessage().u32(fid).u32(new).string(name))
      let count = answer.u64()
      let value = try client.read(new)
      #expect(value.count == Int(count))
      #expect(try client.read(new, at: 2) == Array(value.dropFirst(2)))
      return value
    }
    try set("user.one", [1, 2, 3])
    try set("user.two", Array("zwei".utf8))
    #expect(try get("user.one") == [1, 2, 3])
    #expect(try get("user.two") == Array("zwei".utf8))
    let names = String(decoding: try get(""), as: UTF8.self).split(separator: "\0")
    #expect(names.filter { $0.hasPrefix("user.") }.sorted() == ["user.one", "user.two"])
    #expect(throws: NinePRefusal(EEXIST)) { try set("user.one", [1], flags: 1) }
    #expect(throws: NinePRefusal(ENODATA)) { try set("user.none", [1], flags: 2) }
    try set("user.one", [], flags: 2)
    #expect(throws: NinePRefusal(ENODATA)) { try get("user.one") }
  }

  @Test func `statfs reports the host's file system`() throws {
    let client = try NinePClient(directory)
    var answer = try client.call(T.statfs, NinePMessage().u32(0))
    #expect(answer.u32() == 0x0102_1997)
    let (blockByteCount, blockCount) = (answer.u32(), answer.u64())
    #expect(blockByteCount >= 512)
    #expect(blockCount > 0)
    _ = answer.bytes(40)
    #expect(answer.u32() == 255)
    #expect(answer.isEmpty)
  }

  @Test func `a read-only share changes nothing`() throws {
    directory.write("file", "text")
    let client = try NinePClient(directory, readOnly: true)
    let file = try client.walk(["file"])
    #expect(try client.readText(["file"]) == "text")
    for flags in [1, 2, 0o1000] as [UInt32] {
      #expect(throws: NinePRefusal(EROFS)) { try client.open(["file"], flags: flags) }
    }
    #expect(throws: NinePRefusal(EROFS)) { try client.create("new") }
    #expect(throws: NinePRefusal(EROFS)) { try client.mkdir("new") }
    #expect(throws: NinePRefusal(EROFS)) { try client.setAttributes(file, valid: 1, mode: 0) }
    let others: [(UInt8, NinePMessage)] = [
      (T.symlink, NinePMessage().u32(0).string("new").string("x").u32(0)),
      (T.mknod, NinePMessage().u32(0).string("new").u32(0o100644).u32(0).u32(0).u32(0)),
      (T.rename, NinePMessage().u32(file).u32(0).string("new")),
      (T.renameat, NinePMessage().u32(0).string("file").u32(0).string("new")),
      (T.link, NinePMessage().u32(0).u32(file).string("new")),
      (T.unlinkat, NinePMessage().u32(0).string("file").u32(0)),
      (T.xattrcreate, NinePMessage().u32(file).string("user.x").u64(0).u32(0)),
      (T.remove, NinePMessage().u32(file)),
    ]
    for (type, message) in others {
      #expect(throws: NinePRefusal(EROFS), "request \(type)") { try client.call(type, message) }
    }
    #expect(directory.read("file") == "text")
    #expect(directory.status("file")?.st_mode == 0o100644)
    #expect(directory.status("new") == nil)
  }
}
