import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

/// Calls on files whose names and memory are Swift's.
@Suite struct FileCallTests {
  /// An empty directory that goes away with its files.
  private final class Folder {
    let path: String
    let descriptor: OwnedDescriptor

    init() throws {
      let parent =
        if let value = unsafe getenv("TMPDIR") { unsafe String(cString: value) } else { "/var/tmp" }
      path = "\(parent)/file-calls-\(UInt64.random(in: 0 ... .max))"
      try NamedFiles.makeDirectory(path, permissions: 0o700)
      descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    }

    deinit {
      for name in (try? DirectoryNames.read(path)) ?? [] { try? NamedFiles.remove("\(path)/\(name)") }
      try? NamedFiles.remove(path, isDirectory: true)
    }
  }

  @Test func `a name ends where C sees its end`() throws {
    #expect(try FileName("ab".utf8).bytes == [97, 98, 0])
    #expect(try FileName("".utf8).byteCount == 0)
    #expect(FileName("ab").utf8 == [97, 98])
    #expect(throws: Errno.invalidArgument) { try FileName([97, 0, 98]) }
  }

  @Test func `bytes are written and read with the bounds of their memory`() throws {
    let file = try TemporaryFile(byteCount: 0)
    let number = file.descriptor.rawValue
    #expect(try DescriptorBytes.write(number, [1, 2, 3, 4, 5].span) == 5)
    #expect(try DescriptorBytes.read(number, limit: 3) == [])
    #expect(try DescriptorBytes.read(number, limit: 3, at: 1) == [2, 3, 4])
    #expect(try DescriptorBytes.read(number, limit: 9, at: 3) == [4, 5])
    #expect(try DescriptorBytes.read(number, limit: 0, at: 0) == [])
    var bytes = [UInt8](repeating: 9, count: 4)
    var span = bytes.mutableSpan
    let count = try DescriptorBytes.read(number, into: &span, at: 2)
    #expect(count == 3)
    #expect(bytes == [3, 4, 5, 9])
    #expect(throws: Errno.badFileDescriptor) { try DescriptorBytes.read(-1, limit: 1) }
    #expect(throws: Errno.badFileDescriptor) { try DescriptorBytes.write(-1, [1].span) }
  }

  @Test func `random bytes are as many as were asked for`() {
    #expect(DescriptorBytes.random(limit: 32).count == 32)
    #expect(DescriptorBytes.random(limit: 32) != DescriptorBytes.random(limit: 32))
    #expect(DescriptorBytes.random(limit: 0) == [])
  }

  @Test func `paths are made, found, renamed and removed`() throws {
    let folder = try Folder()
    let (link, moved) = ("\(folder.path)/link", "\(folder.path)/moved")
    try NamedFiles.makeSymbolicLink(link, to: "nowhere")
    #expect(NamedFiles.exists(link) && !NamedFiles.isRegularFile(link) && !NamedFiles.isDirectory(link))
    #expect(throws: Errno.noSuchFileOrDirectory) { try NamedFiles.checkReadable(link) }
    #expect(throws: Errno.noSuchFileOrDirectory) { try NamedFiles.mode(of: link) }
    try NamedFiles.rename(link, to: moved)
    #expect(!NamedFiles.exists(link))
    try NamedFiles.remove(moved)
    #expect(throws: Errno.noSuchFileOrDirectory) { try NamedFiles.remove(moved) }
    #expect(NamedFiles.isDirectory(folder.path) && !NamedFiles.isWritableByOthers(folder.path))
    try NamedFiles.setPermissions(folder.path, 0o722)
    #expect(NamedFiles.isWritableByOthers(folder.path))
    #expect(try NamedFiles.mode(of: folder.path) & 0o777 == 0o722)
    #expect(try NamedFiles.resolve("/proc/self/../self/root/usr") == "/usr")
    #expect(throws: Errno.invalidArgument) { try NamedFiles.hugePageByteCount(at: "/proc") }
  }

  @Test func `files are made, found and removed by their names in a directory`() throws {
    let folder = try Folder()
    let directory = folder.descriptor.rawValue
    let file = try DirectoryFiles.open(
      FileName("file"), in: directory, flags: LINUX_O_CREAT | LINUX_O_EXCL | O_RDWR, mode: 0o600)
    #expect(throws: Errno.fileExists) {
      _ = try DirectoryFiles.open(
        FileName("file"), in: directory, flags: LINUX_O_CREAT | LINUX_O_EXCL | O_RDWR, mode: 0o600)
    }
    // EXDEV: a way out of the directory.
    #expect(throws: Errno.improperLink) {
      _ = try DirectoryFiles.open(FileName(".."), in: directory, flags: LINUX_O_PATH)
    }
    try DirectoryFiles.makeSymbolicLink(FileName("link"), in: directory, to: FileName("file"))
    let link = try DirectoryFiles.open(FileName("link"), in: directory, flags: LINUX_O_PATH)
    #expect(try DirectoryFiles.target(of: link.rawValue, limit: 100) == Array("file".utf8))
    #expect(try DirectoryFiles.target(of: link.rawValue, limit: 2) == Array("fi".utf8))
    try DirectoryFiles.rename(FileName("file"), in: directory, to: FileName("other"), in: directory)
    let status = try DirectoryFiles.status(of: file.rawValue)
    let identity = try DirectoryFiles.identity(of: file.rawValue)
    #expect(status.inode == identity.inode && identity.link_count == 1 && status.mode == 0o100600)
    try DirectoryFiles.makeDirectory(FileName("inner"), in: directory, mode: 0o700)
    #expect(throws: Errno.isDirectory) {
      try DirectoryFiles.remove(FileName("inner"), in: directory, isDirectory: false)
    }
    try DirectoryFiles.remove(FileName("inner"), in: directory, isDirectory: true)
    #expect(try DirectoryNames.read(folder.path) == ["link", "other"])
  }

  @Test func `a directory's records fill the memory that there is`() throws {
    let folder = try Folder()
    var bytes = [UInt8](repeating: 0, count: 4096)
    var span = bytes.mutableSpan
    let count = try DirectoryFiles.readRecords(of: folder.descriptor.rawValue, into: &span)
    // "." and "..", 24 bytes each.
    #expect(count == 48)
    var tooSmall = [UInt8](repeating: 0, count: 8)
    #expect(throws: Errno.invalidArgument) {
      try check(linux_seek(folder.descriptor.rawValue, 0))
      var span = tooSmall.mutableSpan
      _ = try DirectoryFiles.readRecords(of: folder.descriptor.rawValue, into: &span)
    }
  }

  @Test func `a thread takes a shared lock twice, and a closure that throws releases an exclusive lock`() {
    let lock = ThreadLock()
    let nested = lock.shared { lock.shared { 3 } }
    #expect(nested == 3)
    #expect(lock.exclusively { 4 } == 4)
    var failure: Errno?
    do throws(Errno) { try lock.exclusively { () throws(Errno) in throw .ioError } } catch { failure = error }
    #expect(failure == .ioError)
    #expect(lock.exclusively { 5 } == 5)
  }

  @Test func `a mapped file has the bytes of the file, and an empty one has none`() throws {
    let folder = try Folder()
    let path = "\(folder.path)/text"
    let file = try OwnedDescriptor.open(path, flags: O_RDWR | O_CREAT, mode: 0o600)
    #expect(try MappedFile(path).withBytes { $0.count } == 0)
    #expect(try DescriptorBytes.write(file.rawValue, Array("one\ntwo/three".utf8).span) == 13)
    let mapped = try MappedFile(path)
    let (array, before, through, absent) = mapped.withBytes { bytes in
      (
        bytes.array, bytes.count(before: UInt8(ascii: "\n")), bytes.count(throughLast: UInt8(ascii: "/")),
        bytes.count(throughLast: 0)
      )
    }
    #expect(array == Array("one\ntwo/three".utf8))
    #expect(before == 3 && through == 8 && absent == 0)
  }
}
