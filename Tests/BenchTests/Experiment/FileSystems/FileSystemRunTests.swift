import Foundation
import Testing

@testable import Bench

#if canImport(Glibc)
  import Glibc
#endif

struct FileSystemRunTests {
  private static let canMount =
    geteuid() == 0 && FileManager.default.fileExists(atPath: "/dev/fuse")
    && ["fio", "mkfs.ext4", "losetup", "setpriv", "git", "make", "cc"].allSatisfy {
      CommandRun.find($0) != nil
    }
    && FileManager.default.isExecutableFile(atPath: FileSystemPrograms.defaultFuseVext)

  @Test(
    "a small run measures real file systems, writes a row for each, and leaves nothing",
    .enabled(if: canMount, "needs root, /dev/fuse, fio and fuse-vext"))
  func smallRun() throws {
    let folder = try TemporaryFolder()
    let outcome = try BenchProgram.run(
      [
        "fs", "--fs", "fuse-vext-read,ext4", "--workload", "randread,create,untar,git-status,compile",
        "--size", "8m", "--runtime",
        "200ms",
        "--files", "200", "--repeat", "1", "--folder", folder.path, "--output", "fs.csv", "--quiet",
      ], in: folder.path)
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    #expect(try folder.entries == ["fs.csv"])
    let lines = try folder.text(of: "fs.csv").split(separator: "\n")
    #expect(lines.count == 11)
    for workload in ["randread", "create", "untar", "git-status", "compile"] {
      #expect(lines.count { $0.contains(",\(workload),") } == 2)
      #expect(outcome.output.contains(workload))
    }
    #expect(throws: Never.self) { try FileSystemLeftovers.check(folder.path) }
  }

  @Test(
    "an interrupted run unmounts, removes its images, and ends with 143",
    .enabled(if: canMount, "needs root, /dev/fuse, fio and fuse-vext"))
  func interruption() throws {
    let folder = try TemporaryFolder()
    let outcome = try BenchProgram.run(
      [
        "fs", "--fs", "fuse-vext", "--workload", "randread", "--size", "1m", "--runtime", "1m", "--files",
        "1",
        "--repeat", "1", "--folder", folder.path, "--quiet",
      ], in: folder.path, under: ["--core=0", "--", "timeout", "--preserve-status", "--signal=TERM", "1.5"])
    #expect(outcome.exitCode == 143, "\(outcome.errors)")
    #expect(outcome.errors.contains("interrupted after 0 of 1 measurements"))
    #expect(try folder.entries.isEmpty)
    #expect(throws: Never.self) { try FileSystemLeftovers.check(folder.path) }
  }

  @Test(
    "an image that e2fsck finds damaged fails the run with 74",
    .enabled(if: canMount, "needs root, /dev/fuse, fio and fuse-vext"))
  func damage() throws {
    let folder = try TemporaryFolder()
    // Overwrites the descriptors of the groups once the file system is unmounted.
    let script = """
      #!/bin/sh
      '\(FileSystemPrograms.defaultFuseVext)' "$@"
      dd if=/dev/zero of="$2" bs=4k seek=1 count=1 conv=notrunc status=none
      """
    try Data(script.utf8).write(to: URL(filePath: folder.file("damaging")))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file("damaging"))
    let outcome = try BenchProgram.run(
      [
        "fs", "--fs", "fuse-vext", "--workload", "stat", "--files", "10", "--repeat", "1", "--folder",
        folder.path,
        "--fuse-vext", folder.file("damaging"), "--quiet",
      ], in: folder.path)
    #expect(outcome.exitCode == 74, "\(outcome.errors)")
    #expect(outcome.errors.hasPrefix("bench: error: fuse-vext: e2fsck finds "))
    #expect(try folder.entries == ["damaging"])
  }

  @Test(
    "a folder that is missing, is a file or is too small is refused with 73, and nothing is made",
    .enabled(if: geteuid() == 0, "needs root"),
    arguments: [
      (["--folder", "missing"], "missing, cannot be used: No such file or directory"),
      (["--folder", "/dev/null"], "/dev/null, cannot be used: Not a directory"),
      (["--size", "1t"], "choose a smaller --size"),
    ])
  func unusableFolder(arguments: [String], message: String) throws {
    let folder = try TemporaryFolder()
    let outcome = try BenchProgram.run(["fs"] + arguments, in: folder.path)
    #expect(outcome.exitCode == 73)
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1)
    #expect(try folder.entries.isEmpty)
  }
}
