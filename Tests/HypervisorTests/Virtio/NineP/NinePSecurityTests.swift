import CLinux
import Glibc
import Hypervisor
import SystemPackage
import Testing

/// What guests' owners, modes, devices and attributes become on the host.
@Suite struct NinePSecurityTests {
  private typealias T = NinePClient.T
  private let directory = NinePTemporaryDirectory()

  private func mknod(_ client: NinePClient, _ name: String, _ mode: UInt32) throws {
    _ = try client.call(T.mknod, NinePMessage().u32(0).string(name).u32(mode).u32(1).u32(3).u32(0))
  }

  private func hostAttribute(_ name: String, of file: String) -> [UInt8]? {
    var value = [UInt8](repeating: 0, count: 64)
    let count = unsafe lgetxattr(directory.path(file), name, &value, value.count)
    return count < 0 ? nil : Array(value.prefix(count))
  }

  private func setHostAttribute(_ name: String, _ value: [UInt8], of file: String) {
    #expect(unsafe lsetxattr(directory.path(file), name, value, value.count, 0) == 0)
  }

  private func littleEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  @Test func `by default no guest leaves a set-user-ID, set-group-ID or sticky bit on the host`() throws {
    let client = try NinePClient(directory)
    let file = try client.create("file", mode: 0o6755)
    try client.mkdir("folder", mode: 0o3777)
    try mknod(client, "plain", 0o106750)
    try mknod(client, "fifo", 0o016640)
    #expect(directory.status("file")?.st_mode == 0o100755)
    #expect(directory.status("folder")?.st_mode == 0o040777)
    #expect(directory.status("plain")?.st_mode == 0o100750)
    #expect(directory.status("fifo")?.st_mode == 0o010640)
    try client.setAttributes(file, valid: 1, mode: 0o7711)
    #expect(directory.status("file")?.st_mode == 0o100711)
    #expect(throws: NinePRefusal(EPERM)) { try mknod(client, "null", 0o020666) }
  }

  @Test(.enabled(if: geteuid() == 0))
  func `by default a program of the host's that a guest may write to is set-user-ID no more`() throws {
    directory.write("program", "old")
    _ = unsafe chmod(directory.path("program"), 0o6755)
    let reader = try NinePClient(directory)
    _ = try reader.open(["program"])
    #expect(directory.status("program")?.st_mode == 0o106755)
    // The guest sees what the host has.
    #expect(try reader.attributes(try reader.walk(["program"])).mode == 0o106755)
    let fid = try reader.open(["program"], flags: 1)
    try reader.write(fid, Array("new".utf8))
    #expect(directory.status("program")?.st_mode == 0o100755)
    _ = unsafe chmod(directory.path("program"), 0o4755)
    try reader.setAttributes(try reader.walk(["program"]), valid: 8, size: 1)
    #expect(directory.status("program")?.st_mode == 0o100755)
  }

  @Test func `by default a guest sets user attributes and none of the system's`() throws {
    let client = try NinePClient(directory)
    let fid = try client.create("file")
    try client.setAttribute("user.color", Array("blue".utf8), of: fid)
    #expect(hostAttribute("user.color", of: "file") == Array("blue".utf8))
    for name in ["security.capability", "security.selinux", "trusted.overlay.opaque", "system.other", "odd"] {
      #expect(throws: NinePRefusal(EOPNOTSUPP), "\(name)") { try client.setAttribute(name, [1], of: fid) }
    }
    #expect(throws: NinePRefusal(EACCES)) { try client.setAttribute("user.virtfs.uid", [1], of: fid) }
    if geteuid() == 0 {
      setHostAttribute("trusted.secret", [1], of: "file")
      #expect(throws: NinePRefusal(EOPNOTSUPP)) { try client.attribute("trusted.secret", of: fid) }
    }
    #expect(String(decoding: try client.attribute("", of: fid), as: UTF8.self) == "user.color\0")
  }

  @Test func `mapped owners and modes are kept in QEMU's attributes, and the host's files stay private`()
    throws
  {
    let client = try NinePClient(directory, security: .mapped, user: 1234)
    let file = try client.create("file", mode: 0o4755, group: 4321)
    try client.mkdir("folder", mode: 0o1777, group: 4321)
    #expect(directory.status("file")?.st_mode == 0o100600)
    #expect(directory.status("file")?.st_uid == geteuid())
    #expect(directory.status("folder")?.st_mode == 0o040700)
    #expect(hostAttribute("user.virtfs.uid", of: "file") == littleEndian(1234))
    #expect(hostAttribute("user.virtfs.gid", of: "file") == littleEndian(4321))
    #expect(hostAttribute("user.virtfs.mode", of: "file") == littleEndian(0o104755))
    #expect(hostAttribute("user.virtfs.mode", of: "folder") == littleEndian(0o041777))
    let attributes = try client.attributes(file)
    #expect(attributes.mode == 0o104755)
    #expect((attributes.user, attributes.group) == (1234, 4321))
    // Modes, then the owner alone.
    try client.setAttributes(file, valid: 1, mode: 0o2640)
    try client.setAttributes(file, valid: 2, user: 77)
    let changed = try client.attributes(file)
    #expect(changed.mode == 0o102640)
    #expect((changed.user, changed.group) == (77, 4321))
    #expect(directory.status("file")?.st_mode == 0o100600)
    #expect(directory.status("file")?.st_uid == geteuid())
    try client.write(file, [1, 2, 3])
    #expect(try client.read(file) == [1, 2, 3])
  }

  @Test func `mapped links and devices are files of the host's that stand for them`() throws {
    let client = try NinePClient(directory, security: .mapped, user: 5)
    _ = try client.call(T.symlink, NinePMessage().u32(0).string("link").string("/etc/shadow").u32(6))
    try mknod(client, "null", 0o020666)
    try mknod(client, "fifo", 0o010600)
    for name in ["link", "null", "fifo"] { #expect(directory.status(name)?.st_mode == 0o100600, "\(name)") }
    #expect(directory.read("link") == "/etc/shadow")
    let link = try client.walk(["link"])
    #expect(try client.attributes(link).mode == 0o120777)
    #expect(try client.attributes(link).qid.kind == 2)
    var target = try client.call(T.readlink, NinePMessage().u32(link))
    #expect(target.string() == "/etc/shadow")
    let null = try client.attributes(try client.walk(["null"]))
    #expect(null.mode == 0o020666)
    #expect(null.deviceNumber == 1 << 8 | 3)
    #expect(hostAttribute("user.virtfs.rdev", of: "null") == [3, 1, 0, 0, 0, 0, 0, 0])
    #expect(throws: NinePRefusal(ELOOP)) { try client.open(["link"]) }
    #expect(throws: NinePRefusal(EACCES)) { try client.open(["null"]) }
    #expect(throws: NinePRefusal(ENOTDIR)) { try client.walk(from: link, to: 99, ["shadow"]) }
    // Their types are asked for, not told.
    let entries = try client.entries(try client.open([]))
    #expect(entries.filter { !$0.name.hasPrefix(".") }.allSatisfy { $0.type == 0 })
    _ = try client.call(T.unlinkat, NinePMessage().u32(0).string("null").u32(0))
    #expect(directory.status("null") == nil)
  }

  @Test func `a folder that QEMU has mapped is taken over, and broken attributes are not believed`() throws {
    directory.write("file", "text")
    directory.makeDirectory("folder")
    setHostAttribute("user.virtfs.uid", [0xE8, 3, 0, 0], of: "file")
    setHostAttribute("user.virtfs.mode", littleEndian(0o100444), of: "file")
    // A directory that says it is a link, a file that says it is a directory, and a number of another size.
    setHostAttribute("user.virtfs.mode", littleEndian(0o120777), of: "folder")
    directory.write("odd", "text")
    setHostAttribute("user.virtfs.mode", littleEndian(0o040755), of: "odd")
    setHostAttribute("user.virtfs.gid", [1, 2], of: "odd")
    let client = try NinePClient(directory, security: .mapped)
    let file = try client.attributes(try client.walk(["file"]))
    #expect(file.mode == 0o100444)
    #expect(file.user == 1000)
    #expect(try client.readText(["file"]) == "text")
    #expect(try client.attributes(try client.walk(["folder"])).mode == 0o040777)
    let odd = try client.attributes(try client.walk(["odd"]))
    #expect(odd.mode == 0o100755)
    #expect(odd.group == getegid())
  }

  @Test func `the attributes that keep modes are the server's own`() throws {
    let client = try NinePClient(directory, security: .mapped)
    let fid = try client.create("file")
    try client.setAttribute("user.color", [1], of: fid)
    #expect(String(decoding: try client.attribute("", of: fid), as: UTF8.self) == "user.color\0")
    #expect(throws: NinePRefusal(ENODATA)) { try client.attribute("user.virtfs.uid", of: fid) }
    #expect(throws: NinePRefusal(EACCES)) { try client.setAttribute("user.virtfs.mode", [1], of: fid) }
    #expect(throws: NinePRefusal(EOPNOTSUPP)) { try client.setAttribute("security.capability", [1], of: fid) }
    // An access list is the guest's kernel's business.
    try client.setAttribute("system.posix_acl_access", [2, 0, 0, 0], of: fid)
    #expect(hostAttribute("user.virtfs.system.posix_acl_access", of: "file") == [2, 0, 0, 0])
    #expect(try client.attribute("system.posix_acl_access", of: fid) == [2, 0, 0, 0])
    let names = String(decoding: try client.attribute("", of: fid), as: UTF8.self).split(separator: "\0")
    #expect(Set(names) == ["user.color", "system.posix_acl_access"])
  }

  @Test func `a file system without user attributes is refused for mapped when the share is made`() {
    #expect(throws: NinePShareError.cannotMap(path: "/dev/pts", .notSupported)) {
      try NinePShare(path: "/dev/pts", tag: "pts", readOnly: false, security: .mapped)
    }
  }
}
