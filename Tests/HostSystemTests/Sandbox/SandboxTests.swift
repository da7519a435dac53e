import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

/// What a thread can still do after it has given rights up. Each test restricts a thread of its own.
@Suite struct SandboxTests {
  /// What open(2) answers: 0, or an error number.
  private static func opening(_ path: String, _ flags: Int32 = O_RDONLY) -> Int32 {
    do throws(Errno) {
      _ = try OwnedDescriptor.open(path, flags: flags, mode: 0o600)
      return 0
    } catch {
      return error.rawValue
    }
  }

  private static func withFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/sandbox-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer {
      unsafe $0.baseAddress.flatMap { unsafe mkdtemp($0) }
    }
    try #require(unsafe made != nil)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
      for name in ["file", "new"] { unsafe _ = remove("\(path)/\(name)") }
      unsafe _ = rmdir(path)
    }
    try body(path)
  }

  @Test(.enabled(if: LandlockRuleset.coverage != nil))
  func `a thread opens what was allowed, and neither /etc/shadow nor anything else`() throws {
    try Self.withFolder { path in
      try #require(Self.opening("\(path)/file", O_CREAT | O_WRONLY) == 0)
      try #require(Self.opening("/etc/passwd") == 0)
      let outcome = try runOnThread {
        let coverage = try #require(LandlockRuleset.coverage)
        let ruleset = try LandlockRuleset(coverage, allowsTCP: false)
        try ruleset.allow(path, .read)
        try ruleset.enforce()
        return [
          Self.opening("\(path)/file"), Self.opening("\(path)/file", O_WRONLY),
          Self.opening("\(path)/new", O_CREAT | O_WRONLY), Self.opening("/etc/shadow"),
          Self.opening("/etc/passwd"),
        ]
      }
      #expect(outcome == [0, EACCES, EACCES, EACCES, EACCES])
      // Only that thread was restricted.
      #expect(Self.opening("/etc/passwd") == 0)
    }
  }

  @Test(.enabled(if: LandlockRuleset.coverage != nil))
  func `a folder that may be written to lets files be made and removed, but not devices`() throws {
    try Self.withFolder { path in
      let outcome = try runOnThread {
        let coverage = try #require(LandlockRuleset.coverage)
        let ruleset = try LandlockRuleset(coverage, allowsTCP: true)
        try ruleset.allow(path, [.read, .write, .makeAndRemove])
        try ruleset.enforce()
        let device = unsafe mknod("\(path)/new", S_IFCHR | 0o600, 1 << 8 | 3) == 0 ? 0 : errno
        return [
          Self.opening("\(path)/file", O_CREAT | O_RDWR), unsafe unlink("\(path)/file"), device,
        ]
      }
      #expect(Array(outcome.prefix(2)) == [0, 0])
      #expect(outcome[2] == (geteuid() == 0 ? EACCES : EPERM))
    }
  }

  @Test(.enabled(if: LandlockRuleset.coverage?.coversTCP == true))
  func `TCP is forbidden unless it was allowed`() throws {
    for allowsTCP in [false, true] {
      let outcome = try runOnThread {
        let coverage = try #require(LandlockRuleset.coverage)
        try LandlockRuleset(coverage, allowsTCP: allowsTCP).enforce()
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { _ = close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = unsafe withUnsafeBytes(of: &address) { bytes in
          unsafe bind(
            socket, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
        return result == 0 ? 0 : errno
      }
      #expect(outcome == (allowsTCP ? 0 : EACCES))
    }
  }

  @Test(.enabled(if: LandlockRuleset.coverage != nil))
  func `a rule for a missing file throws ENOENT`() throws {
    let coverage = try #require(LandlockRuleset.coverage)
    let ruleset = try LandlockRuleset(coverage, allowsTCP: true)
    #expect(throws: Errno.noSuchFileOrDirectory) { try ruleset.allow("/nowhere/at/all", .read) }
  }

  @Test func `new privileges are forbidden to the thread that says so`() throws {
    let isForbidden = try runOnThread {
      let before = Privileges.areNewForbidden
      try Privileges.forbidNew()
      return [before, Privileges.areNewForbidden]
    }
    #expect(isForbidden == [false, true])
    #expect(!Privileges.areNewForbidden)
  }

  @Test func `memory that is left out of core dumps is marked so by the kernel`() throws {
    let mapping = try Mapping.anonymous(byteCount: 4 * Mapping.pageByteCount)
    #expect(throws: Errno.invalidArgument) { try mapping.leaveOutOfDumps(offset: 5 * Mapping.pageByteCount) }
    #expect(try Self.flags(of: mapping).contains("dd") == false)
    try mapping.leaveOutOfDumps()
    #expect(try Self.flags(of: mapping).contains("dd"))
  }

  /// VmFlags of the mapping in /proc/self/smaps.
  private static func flags(of mapping: borrowing Mapping) throws -> [Substring] {
    let start = unsafe UInt(bitPattern: mapping.base)
    guard let stream = unsafe fopen("/proc/self/smaps", "r") else { throw Errno(rawValue: errno) }
    defer { unsafe _ = fclose(stream) }
    var line = [CChar](repeating: 0, count: 4096)
    var isInside = false
    while unsafe fgets(&line, Int32(line.count), stream) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let words = text.split(whereSeparator: \.isWhitespace)
      let bounds = words.first?.split(separator: "-").compactMap { UInt($0, radix: 16) } ?? []
      if bounds.count == 2 { isInside = bounds[0] <= start && start < bounds[1] }
      if isInside, words.first == "VmFlags:" { return Array(words.dropFirst()) }
    }
    return []
  }
}
