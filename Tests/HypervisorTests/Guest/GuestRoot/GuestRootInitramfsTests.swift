import Foundation
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

@Suite("An initramfs")
struct GuestRootInitramfsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `every kind of entry is read back as it was added`() throws {
    try folder.write("source", "from the host\n")
    var initramfs = Initramfs()
    initramfs.addDirectory("d", permissions: 0o700)
    initramfs.addFile("d/odd", [1, 2, 3, 4, 5], permissions: 0o755)
    initramfs.addFile("d/empty", [])
    try initramfs.addFile("copy", copying: "\(folder.path)/source")
    initramfs.addSymbolicLink("link", to: "d/odd")
    initramfs.addCharacterDevice("console", major: 5, minor: 1)

    let archive = try initramfs.archive()

    #expect(archive.count == initramfs.byteCount)
    let entries = try GuestRootCpioReader.entries(of: archive)
    #expect(entries.map(\.name) == ["d", "d/odd", "d/empty", "copy", "link", "console"])
    #expect(entries.map(\.mode) == [0o040700, 0o100755, 0o100644, 0o100644, 0o120777, 0o020600])
    #expect(entries[1].contents == [1, 2, 3, 4, 5])
    #expect(entries[2].contents == [])
    #expect(entries[3].contents == Array("from the host\n".utf8))
    #expect(entries[4].contents == Array("d/odd".utf8))
    #expect((entries[5].deviceMajor, entries[5].deviceMinor) == (5, 1))
  }

  @Test(arguments: [4095, 4096, 4097, 3 * 4096, 70_001])
  func `contents of a page and more begin at a page and are mapped into the guest's memory`(byteCount: Int)
    throws
  {
    let text = String(repeating: "0123456789abcde\n", count: 5000).prefix(byteCount)
    try folder.write("source", String(text))
    let memory = try GuestMemory(byteCount: 1 << 20)
    var initramfs = Initramfs()
    // Every place of a header in its page, that of a name that does not fit before its end among them.
    for index in 0..<3 {
      initramfs.addFile("odd\(index)", [UInt8](repeating: 7, count: 1100 * index + 5))
      try initramfs.addFile("copy\(index)", copying: "\(folder.path)/source")
    }

    try OpenInitrd(InitrdSource(archive: initramfs)).load(into: memory, at: 0x8000)

    let loaded = try memory.read(initramfs.byteCount, at: GuestAddress(0x8000))
    #expect(loaded == (try initramfs.archive()))
    for entry in try GuestRootCpioReader.entries(of: loaded) where entry.name.hasPrefix("copy") {
      #expect(entry.contents == Array(text.utf8))
      #expect(entry.start.isMultiple(of: 4096) == (byteCount >= 4096))
    }
    // To its end: String(contentsOfFile:) stops at the kernel's first page of a file without a size.
    let maps = String(
      decoding: try FileHandle(forReadingFrom: URL(filePath: "/proc/self/maps")).readToEnd() ?? Data(),
      as: UTF8.self)
    #expect(maps.contains("\(folder.path)/source") == (byteCount >= 4096))
  }

  @Test func `an archive that does not begin at a page is copied`() throws {
    try folder.write("source", String(repeating: "x", count: 9000))
    let memory = try GuestMemory(byteCount: 1 << 20)
    var initramfs = Initramfs()
    try initramfs.addFile("copy", copying: "\(folder.path)/source")

    try OpenInitrd(InitrdSource([.bytes([1, 2, 3]), .archive(initramfs)])).load(into: memory, at: 0x8000)

    #expect(try memory.read(initramfs.byteCount, at: GuestAddress(0x8004)) == (try initramfs.archive()))
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/cpio"), "cpio is not installed"))
  func `cpio unpacks it`() throws {
    let text = String(repeating: "from the host\n", count: 1000)
    try folder.write("source", text)
    try folder.write("unpacked/.keep", "")
    var initramfs = Initramfs()
    initramfs.addDirectory("d")
    try initramfs.addFile("d/copy", copying: "\(folder.path)/source", permissions: 0o640)
    initramfs.addSymbolicLink("d/link", to: "copy")
    try Data(try initramfs.archive()).write(to: URL(filePath: "\(folder.path)/archive"))

    let cpio = Process()
    cpio.executableURL = URL(filePath: "/usr/bin/cpio")
    cpio.arguments = ["-i", "--quiet", "-D", "\(folder.path)/unpacked", "-F", "\(folder.path)/archive"]
    try cpio.run()
    cpio.waitUntilExit()

    #expect(cpio.terminationStatus == 0)
    let unpacked = "\(folder.path)/unpacked/d"
    #expect(FileManager.default.contents(atPath: "\(unpacked)/copy") == Data(text.utf8))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(unpacked)/link") == "copy")
    let attributes = try FileManager.default.attributesOfItem(atPath: "\(unpacked)/copy")
    #expect(attributes[.posixPermissions] as? Int == 0o640)
  }

  @Test func `a guest's has the init, the modules in their order, and the task`() throws {
    try folder.write("k/a.ko", "A")
    try folder.write("k/b.ko", "B")
    let task = GuestTask(
      arguments: ["echo", "", "a b\n\"ü\""], script: [7], environment: ["TERM=x"], directory: "/work")

    let initramfs = try Initramfs(
      initProgram: [0x7F], moduleFiles: ["\(folder.path)/k/b.ko", "\(folder.path)/k/a.ko"], task: task)

    let entries = try GuestRootCpioReader.entries(of: initramfs.archive())
    let contents = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0.contents) })
    #expect(contents["init"] == [0x7F])
    #expect(contents["modules/index"] == Array("b.ko\na.ko\n".utf8))
    #expect(contents["modules/a.ko"] == Array("A".utf8))
    #expect(contents["lkvm/command"] == Array("echo\0\0a b\n\"ü\"\0".utf8))
    #expect(contents["lkvm/script"] == [7])
    #expect(contents["lkvm/environment"] == Array("TERM=x\0".utf8))
    #expect(contents["lkvm/directory"] == Array("/work".utf8))
  }

  @Test func `a file that is missing, or no file, is an error that names it`() throws {
    var initramfs = Initramfs()
    #expect(throws: GuestRootError.cannotRead(path: "\(folder.path)/none", .noSuchFileOrDirectory)) {
      try initramfs.addFile("x", copying: "\(folder.path)/none")
    }
    #expect(throws: GuestRootError.cannotRead(path: folder.path, .invalidArgument)) {
      try initramfs.addFile("x", copying: folder.path)
    }
  }

  @Test func `a file that becomes shorter before it is read is an error`() throws {
    try folder.write("source", "four")
    var initramfs = Initramfs()
    try initramfs.addFile("x", copying: "\(folder.path)/source")
    try folder.write("source", "two")
    #expect(throws: GuestRootError.changedWhileRead(path: "\(folder.path)/source")) {
      try initramfs.archive()
    }
  }

  @Test func `a zero byte in the task is refused`() {
    let tasks = [
      (GuestTask(arguments: ["a\0b"]), "command"), (GuestTask(environment: ["A=\0"]), "environment"),
      (GuestTask(directory: "/\0"), "working directory"),
    ]
    for (task, name) in tasks {
      #expect(throws: GuestRootError.zeroByte(in: name)) {
        try Initramfs(initProgram: [], moduleFiles: [], task: task)
      }
    }
  }
}
