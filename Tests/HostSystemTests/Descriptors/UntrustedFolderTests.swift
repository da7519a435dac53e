import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

/// What somebody else may put into a folder, and what comes of it.
@Suite struct UntrustedFolderTests {
  /// A folder of this test's, which the caller removes.
  private static func withFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/untrusted-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer {
      unsafe $0.baseAddress.flatMap { unsafe mkdtemp($0) }
    }
    try #require(unsafe made != nil)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
      for name in ["file", "fifo", "link", "folder"] { unsafe _ = remove("\(path)/\(name)") }
      unsafe _ = rmdir(path)
    }
    try body(path)
  }

  private static func write(_ path: String, _ text: String) throws {
    let file = try OwnedDescriptor.open(path, flags: O_CREAT | O_WRONLY | O_EXCL, mode: 0o600)
    #expect(unsafe Glibc.write(file.rawValue, text, text.utf8.count) == text.utf8.count)
  }

  @Test func `regular files are read whole, up to a limit`() throws {
    try Self.withFolder { path in
      try Self.write("\(path)/file", "contents")
      let folder = try UntrustedFolder(path: path)
      #expect(try folder.contents(of: "file", byteLimit: 8) == Array("contents".utf8))
      #expect(throws: Errno.fileTooLarge) { try folder.contents(of: "file", byteLimit: 7) }
      #expect(throws: Errno.noSuchFileOrDirectory) { try folder.contents(of: "none", byteLimit: 7) }
    }
  }

  @Test func `a FIFO, a link, a directory and a way out are refused without waiting`() throws {
    try Self.withFolder { path in
      #expect(unsafe mkfifo("\(path)/fifo", 0o600) == 0)
      #expect(unsafe symlink("/etc/passwd", "\(path)/link") == 0)
      #expect(unsafe mkdir("\(path)/folder", 0o700) == 0)
      let folder = try UntrustedFolder(path: path)
      #expect(throws: Errno.invalidArgument) { try folder.contents(of: "fifo", byteLimit: 1 << 20) }
      #expect(throws: Errno.invalidArgument) { try folder.contents(of: "link", byteLimit: 1 << 20) }
      #expect(throws: Errno.invalidArgument) { try folder.contents(of: "folder", byteLimit: 1 << 20) }
      #expect(throws: Errno.self) { try folder.contents(of: "../\(path)", byteLimit: 1 << 20) }
      #expect(throws: Errno.self) { try folder.contents(of: "/etc/passwd", byteLimit: 1 << 20) }
    }
  }

  @Test func `a new file replaces nothing, and is not created through a link`() throws {
    try Self.withFolder { path in
      let folder = try UntrustedFolder(path: path)
      #expect(unsafe symlink("\(path)/file", "\(path)/link") == 0)
      #expect(throws: Errno.fileExists) { try folder.create("link") }
      #expect(throws: Errno.noSuchFileOrDirectory) { try folder.contents(of: "file", byteLimit: 1) }
      try folder.create("file")
      #expect(try folder.contents(of: "file", byteLimit: 1).isEmpty)
    }
  }

  @Test func `only a regular file has a time, and counts as one`() throws {
    try Self.withFolder { path in
      try Self.write("\(path)/file", "x")
      #expect(unsafe mkfifo("\(path)/fifo", 0o600) == 0)
      #expect(unsafe symlink("/etc/passwd", "\(path)/link") == 0)
      var times = [timespec(tv_sec: 12, tv_nsec: 0), timespec(tv_sec: 34, tv_nsec: 56)]
      #expect(unsafe utimensat(AT_FDCWD, "\(path)/file", times, 0) == 0)
      let folder = try UntrustedFolder(path: path)
      let areFiles = ["file", "fifo", "link", "none"].map { folder.isRegularFile($0) }
      #expect(areFiles == [true, false, false, false])
      #expect(try folder.modificationNanoseconds(of: "file") == 34_000_000_056)
      for name in ["fifo", "link"] {
        #expect(throws: Errno.self) { try folder.modificationNanoseconds(of: name) }
      }
      // Before 1970: a guest sets the time that it likes.
      times[1] = timespec(tv_sec: -1, tv_nsec: 0)
      #expect(unsafe utimensat(AT_FDCWD, "\(path)/file", times, 0) == 0)
      #expect(try folder.modificationNanoseconds(of: "file") == nil)
    }
  }
}
