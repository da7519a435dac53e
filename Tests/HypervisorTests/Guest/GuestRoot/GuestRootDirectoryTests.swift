import Foundation
import SystemPackage
import Testing

@testable import Hypervisor

@Suite("A guest's root directory")
struct GuestRootDirectoryTests {
  private let folder: TemporaryFolder
  private var parent: String { "\(folder.path)/.lkvm" }

  init() throws { folder = try TemporaryFolder() }

  private func create(_ name: String = "mine", initProgram: [UInt8] = [1]) throws -> GuestRootDirectory {
    try GuestRootDirectory.create(name: name, in: parent, initProgram: initProgram)
  }

  private func target(_ link: String) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: "\(parent)/mine/\(link)")
  }

  @Test func `it has directories, links into the host's files, and an init`() throws {
    let root = try create(initProgram: [1, 2, 3])

    #expect(root.path == "\(parent)/mine")
    for directory in ["dev", "etc", "home", "host", "proc", "root", "run", "sys", "tmp", "var/lib", "virt"] {
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(root.path)/\(directory)")
      #expect(attributes[.type] as? FileAttributeType == .typeDirectory, "\(directory)")
    }
    for link in ["bin", "lib", "lib64", "sbin", "usr"] { #expect(try target(link) == "/host/\(link)") }
    #expect(FileManager.default.contents(atPath: "\(root.path)/virt/init") == Data([1, 2, 3]))
    #expect(FileManager.default.isExecutableFile(atPath: "\(root.path)/virt/init"))
    #expect(FileManager.default.contents(atPath: "\(root.path)/etc/hostname") == Data("mine\n".utf8))
    #expect(try target("etc/resolv.conf") == "/run/resolv.conf")
  }

  @Test func `every other directory at the host's top is a link`() throws {
    let root = try create()
    for name in try FileManager.default.contentsOfDirectory(atPath: "/")
    where !name.hasPrefix(".") && name != "lost+found" {
      let attributes = try FileManager.default.attributesOfItem(atPath: "/\(name)")
      guard attributes[.type] as? FileAttributeType == .typeDirectory else { continue }
      #expect((try? FileManager.default.attributesOfItem(atPath: "\(root.path)/\(name)")) != nil, "\(name)")
    }
  }

  @Test func `a second one of the same name is refused, and the first stays`() throws {
    let root = try create()
    let before = try folder.names
    #expect(throws: GuestRootError.alreadyExists(path: root.path)) { try create() }
    #expect(try folder.names == before)
  }

  @Test(arguments: ["", ".", "..", ".hidden", "a/b", "/a"])
  func `a name that leads elsewhere is refused`(name: String) throws {
    #expect(throws: GuestRootError.badName(name)) { try create(name) }
    #expect(try folder.names == [])
  }

  @Test func `a file or a link of that name is refused as well`() throws {
    try folder.write(".lkvm/file", "")
    try FileManager.default.createSymbolicLink(atPath: "\(parent)/link", withDestinationPath: "/none")
    for name in ["file", "link"] {
      #expect(throws: GuestRootError.alreadyExists(path: "\(parent)/\(name)")) { try create(name) }
    }
  }

  @Test func `a name with a zero byte in it is refused`() {
    #expect(throws: GuestRootError.badName("a\0b")) { try create("a\0b") }
  }

  @Test func `a path that is not a directory is an error`() throws {
    try folder.write("file", "")
    let draft = "\(folder.path)/file/.x.\(getpid())"
    #expect(throws: GuestRootError.cannotCreate(path: draft, .notDirectory)) {
      try GuestRootDirectory.create(name: "x", in: "\(folder.path)/file", initProgram: [])
    }
  }

  @Test func `a failure removes everything that was created, and nothing else`() throws {
    try folder.write("other", "")
    var tree = TreeBuilder(root: "\(folder.path)/root")
    try tree.makeRoot()
    try tree.addDirectory("/etc")
    try tree.addLink("/link", to: "/host")
    try tree.addFile("/etc/file", [1])
    #expect(throws: GuestRootError.cannotCreate(path: "\(folder.path)/root/link", .fileExists)) {
      try tree.addDirectory("/link")
    }
    tree.removeAll()
    #expect(try folder.names == ["other"])
  }

  @Test func `the list has roots only, sorted by name`() throws {
    #expect(try GuestRootDirectory.list(in: parent) == [])
    let (second, first) = (try create("b"), try create("a"))
    try folder.write(".lkvm/guest.sock", "")
    try folder.write(".lkvm/empty/file", "")
    #expect(try GuestRootDirectory.list(in: parent) == [first, second])
  }

  @Test func `the default root is made once, and gets a new init`() throws {
    let root = try GuestRootDirectory.openOrCreate(in: parent, initProgram: [1])
    #expect(root.name == "default")
    try folder.write(".lkvm/default/root/kept", "")
    #expect(try GuestRootDirectory.openOrCreate(in: parent, initProgram: [2]) == root)
    #expect(FileManager.default.contents(atPath: "\(root.path)/virt/init") == Data([2]))
    #expect(FileManager.default.isExecutableFile(atPath: "\(root.path)/virt/init"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(root.path)/virt") == ["init"])
    #expect(FileManager.default.fileExists(atPath: "\(root.path)/root/kept"))
  }
}
