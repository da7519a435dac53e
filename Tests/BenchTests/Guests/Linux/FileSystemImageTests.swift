import Foundation
import Testing

@testable import Bench

struct FileSystemImageTests {
  @Test func `a file system is made with whole files in it, and again over what a guest did to it`() throws {
    let folder = try TemporaryFolder()
    let disk = folder.file("disk")
    try ScratchDisks.makeFile(disk, byteCount: 70 << 20, isFilled: false, isInterrupted: { false })
    var image: FileSystemImage? = FileSystemImage(
      files: [("bench.0", 1 << 20), ("bench.1", 1 << 20)], sourceFolder: folder.file("source"))
    try image?.make(on: disk, isInterrupted: { false })
    try FileSystemImage.check(disk)
    let stat = try CommandRun(["debugfs", "-R", "stat bench.1", disk])
    #expect(stat.output.contains("Size: 1048576"))
    // Its blocks are there: a hole would be answered from the file system's books.
    #expect(stat.output.contains("Blockcount: 2048"))
    let handle = try #require(FileHandle(forWritingAtPath: disk))
    try handle.write(contentsOf: Data(repeating: 0xA5, count: 1 << 20))
    try handle.close()
    let damaged = #expect(throws: BenchFailure.self) { try FileSystemImage.check(disk) }
    #expect(damaged?.exitCode == .ioError)
    try image?.make(on: disk, isInterrupted: { false })
    try FileSystemImage.check(disk)
    image = nil
    #expect(try folder.entries == ["disk"])
  }

  @Test(arguments: ImageType.allCases)
  func `an image is of the type that was asked for, with the files in it`(type: ImageType) throws {
    let folder = try TemporaryFolder()
    let disk = folder.file("disk")
    try ScratchDisks.makeFile(disk, byteCount: 70 << 20, isFilled: false, isInterrupted: { false })
    let image = FileSystemImage(files: [("bench.0", 1 << 20)], sourceFolder: folder.file("source"))
    try image.make(.ext(type), on: disk, isInterrupted: { false })
    try FileSystemImage.check(disk)
    let features =
      try CommandRun(["dumpe2fs", "-h", disk]).output
      .split(separator: "\n").first { $0.hasPrefix("Filesystem features:") } ?? ""
    #expect(features.contains("has_journal") == (type != .ext2))
    #expect(features.contains("extent") == (type == .ext4))
    let stat = try CommandRun(["debugfs", "-R", "stat bench.0", disk])
    #expect(stat.output.contains("Size: 1048576"))
  }

  @Test(.enabled(if: CommandRun.find("mkfs.xfs") != nil, "mkfs.xfs is not installed (Debian: xfsprogs)"))
  func `an XFS is made with whole files in it`() throws {
    let folder = try TemporaryFolder()
    let disk = folder.file("disk")
    try ScratchDisks.makeFile(disk, byteCount: 320 << 20, isFilled: false, isInterrupted: { false })
    let image = FileSystemImage(
      files: [("bench.0", 1 << 20), ("bench.1", 8192)], sourceFolder: folder.file("source"))
    try image.make(.xfs, on: disk, isInterrupted: { false })
    try FileSystemImage.check(disk, kind: .xfs)
    let entries = try CommandRun(["xfs_db", "-r", "-c", "path /bench.0", "-c", "print core.size", disk])
    #expect(entries.output.contains("core.size = 1048576"))
    #expect(try folder.entries == ["disk", "source"])
  }

  @Test func `each guest has a folder with the workload's files, which goes with the run`() throws {
    let folder = try TemporaryFolder()
    var folders: SharedFolders? = SharedFolders(
      files: [("bench.0", 8192), ("bench.1", 4096)], path: folder.file("shared"))
    let paths = try folders?.make(guestCount: 2, isInterrupted: { false }) ?? []
    #expect(paths.count == 2)
    for path in paths {
      for file in folders?.filePaths(in: path) ?? [] {
        #expect(try DiskSize.byteCount(file.path) == file.byteCount)
      }
    }
    #expect(folders?.byteCount == 12_288)
    // The second boot finds them.
    #expect(try folders?.make(guestCount: 2, isInterrupted: { true }) == paths)
    folders = nil
    #expect(try folder.entries == [])
  }

  @Test func `files of a tmpfs have no storage below the page cache`() throws {
    #expect(PageCache.isOnlyStorage(of: "/dev/shm/bench/does/not/exist"))
    #expect(!PageCache.isOnlyStorage(of: "/proc"))
    let folder = try TemporaryFolder()
    let file = folder.file("file")
    try Data(repeating: 1, count: 8192).write(to: URL(filePath: file))
    try PageCache.forget(file)
    let failure = #expect(throws: BenchFailure.self) { try PageCache.forget(folder.file("missing")) }
    #expect(failure?.description.contains("--cold-cache: cannot drop") == true)
  }

  @Test func `a disk that is too small is a failure with mkfs's reason`() throws {
    let folder = try TemporaryFolder()
    try ScratchDisks.makeFile(
      folder.file("disk"), byteCount: 1 << 20, isFilled: false, isInterrupted: { false })
    let image = FileSystemImage(files: [("bench.0", 4 << 20)], sourceFolder: folder.file("source"))
    let failure = #expect(throws: BenchFailure.self) {
      try image.make(on: folder.file("disk"), isInterrupted: { false })
    }
    #expect(failure?.exitCode == .dataError)
    #expect(failure?.description.contains("mkfs.ext4 failed") == true)
  }

  @Test func `an interruption while files are made leaves none`() throws {
    let folder = try TemporaryFolder()
    var image: FileSystemImage? = FileSystemImage(
      files: [("bench.0", 4 << 20)], sourceFolder: folder.file("source"))
    #expect(throws: RunInterruption.self) {
      try image?.make(on: folder.file("disk"), isInterrupted: { true })
    }
    image = nil
    #expect(try folder.entries == [])
  }
}
