import Foundation
import Testing

@testable import Bench

struct ScratchDisksTests {
  @Test("the disks are filled, and are gone with their value")
  func lifetime() throws {
    let folder = try TemporaryFolder()
    try fillTwo(in: folder)
    #expect(try folder.entries == [])
  }

  private func fillTwo(in folder: borrowing TemporaryFolder) throws {
    let disks = try ScratchDisks(
      paths: [folder.file("a"), folder.file("b")], byteCount: (3 << 20) + 512, isFilled: true,
      isInterrupted: { false })
    try inspect(disks, in: folder)
  }

  private func inspect(_ disks: borrowing ScratchDisks, in folder: borrowing TemporaryFolder) throws {
    #expect(disks.paths == [folder.file("a"), folder.file("b")])
    let content = try Data(contentsOf: URL(filePath: folder.file("b")))
    #expect(content.count == (3 << 20) + 512)
    #expect(content.suffix(512).contains { $0 != 0 })
  }

  @Test("an interruption while filling leaves no file")
  func interruption() throws {
    let folder = try TemporaryFolder()
    let paths = [folder.file("a"), folder.file("b")]
    var askedCount = 0
    #expect(throws: RunInterruption.self) {
      _ = try ScratchDisks(paths: paths, byteCount: 4 << 20, isFilled: true) {
        askedCount += 1
        return askedCount > 6
      }
    }
    #expect(try folder.entries == [])
  }

  @Test("a file that is there already is refused, and kept")
  func existingFile() throws {
    let folder = try TemporaryFolder()
    let paths = [folder.file("a"), folder.file("b")]
    try Data("mine".utf8).write(to: URL(filePath: paths[1]))
    let error = #expect(throws: BenchFailure.self) {
      _ = try ScratchDisks(paths: paths, byteCount: 4096, isFilled: true) { false }
    }
    #expect(error?.exitCode == .cannotCreate)
    #expect(try folder.entries == ["b"])
    #expect(try folder.text(of: "b") == "mine")
  }

  @Test("more than the file system has is refused before anything is made")
  func tooLarge() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a")
    let error = #expect(throws: BenchFailure.self) {
      _ = try ScratchDisks(paths: [path], byteCount: 1 << 60, isFilled: true) { false }
    }
    #expect(error?.description.contains("MiB are free") == true)
    #expect(try folder.entries == [])
  }

  @Test("a disk that no engine reads is not filled")
  func unfilled() throws {
    let folder = try TemporaryFolder()
    let disks = try ScratchDisks(paths: [folder.file("a")], byteCount: 1 << 30, isFilled: false) { true }
    #expect(disks.paths.count == 1)
    #expect(try DiskSize.byteCount(disks.paths[0]) == 1 << 30)
  }
}
