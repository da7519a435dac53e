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
