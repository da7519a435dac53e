import SystemPackage
import Testing

@testable import Bench

struct FileSystemRequirementsTests {
  /// A host with everything but `missing`.
  private static func host(missing: Set<String> = []) -> FileSystemRequirements {
    FileSystemRequirements(
      userID: 0, find: { missing.contains($0) ? nil : "/usr/bin/\($0)" }, exists: { !missing.contains($0) },
      availableByteCount: { _ throws(Errno) in 1 << 40 })
  }

  private static func failure(_ host: FileSystemRequirements) -> BenchFailure? {
    do {
      _ = try host.check(FileSystemFixture.settings, folder: "/disk", fuseVext: "fuse-vext")
      return nil
    } catch {
      return error as? BenchFailure
    }
  }

  @Test("a user other than root is refused with 77")
  func user() {
    var host = Self.host()
    host.userID = 1000
    #expect(Self.failure(host)?.exitCode == .noPermission)
  }

  @Test("a folder without room, or that is not there, is refused with 73")
  func room() {
    var host = Self.host()
    host.availableByteCount = { _ throws(Errno) in 1 << 20 }
    #expect(Self.failure(host)?.exitCode == .cannotCreate)
    #expect(Self.failure(host)?.description.contains("has only 1 MiB") == true)
    host.availableByteCount = { _ throws(Errno) in throw .noSuchFileOrDirectory }
    #expect(Self.failure(host)?.exitCode == .cannotCreate)
  }

  @Test(
    "missing programs are named with their package",
    arguments: ["fio", "mkfs.ext4", "fuse-vext", "/dev/fuse"])
  func programs(name: String) {
    let failure = Self.failure(Self.host(missing: [name]))
    #expect(failure?.exitCode == .unavailable)
    #expect(failure?.description.contains(name) == true)
  }

  @Test("fuse2fs is left out with a note where it is not installed")
  func optionalProgram() throws {
    let host = Self.host(missing: ["fuse2fs"])
    let (settings, notes, programs) = try host.check(
      FileSystemFixture.settings, folder: "/disk", fuseVext: "fuse-vext")
    #expect(settings.fileSystems == [.fuseVext, .ext4])
    #expect(notes == ["fuse2fs: left out; fuse2fs is not installed (Debian: fuse2fs)"])
    #expect(programs.fuse2fs == nil)
  }

  @Test("fio is not needed by workloads that count files")
  func fio() throws {
    var settings = FileSystemFixture.settings
    settings.workloads = [.create]
    let host = Self.host(missing: ["fio"])
    #expect(throws: Never.self) { try host.check(settings, folder: "/disk", fuseVext: "fuse-vext") }
  }
}
