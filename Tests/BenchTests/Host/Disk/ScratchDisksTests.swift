import Foundation
import Synchronization
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
      in: folder.file("d"), count: 2, byteCount: (3 << 20) + 512, isFilled: true,
      isInterrupted: { false })
    try inspect(disks, in: folder)
  }

  private func inspect(_ disks: borrowing ScratchDisks, in folder: borrowing TemporaryFolder) throws {
    #expect(disks.paths == [folder.file("d/guest0.disk"), folder.file("d/guest1.disk")])
    let content = try Data(contentsOf: URL(filePath: folder.file("d/guest1.disk")))
    #expect(content.count == (3 << 20) + 512)
    #expect(content.suffix(512).contains { $0 != 0 })
  }

  @Test("an interruption while filling leaves no file")
  func interruption() throws {
    let folder = try TemporaryFolder()
    var askedCount = 0
    #expect(throws: RunInterruption.self) {
      _ = try ScratchDisks(in: folder.file("d"), count: 2, byteCount: 4 << 20, isFilled: true) {
        askedCount += 1
        return askedCount > 6
      }
    }
    #expect(try folder.entries == [])
  }

  @Test("a folder that is there already is refused, and kept")
  func existingFolder() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("d"), withIntermediateDirectories: false)
    let error = #expect(throws: BenchFailure.self) {
      _ = try ScratchDisks(in: folder.file("d"), count: 2, byteCount: 4096, isFilled: true) { false }
    }
    #expect(error?.exitCode == .cannotCreate)
    #expect(try folder.entries == ["d"])
  }

  @Test(
    "runs that begin at the same moment beside each other all get their folder, though each removes leftovers"
  )
  func simultaneousRuns() throws {
    let folder = try TemporaryFolder()
    let stem = folder.file("rows")
    let parent = folder.path
    let failures = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for _ in 0..<100 {
        // The others look for leftovers all the time.
        if thread == 0 { ScratchFolder.removeLeftovers(in: parent) }
        let path = ScratchFolder.path(stem: stem, runID: UUID().uuidString, kind: .disks)
        do {
          let scratch = try ScratchFolder(path)
          if !FileManager.default.fileExists(atPath: scratch.path) {
            failures.withLock { $0.append("\(path) is gone") }
          }
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
      }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(try folder.entries == [])
  }

  @Test("the disks of a run that was killed are removed by the next; those of a run that lives are not")
  func leftovers() throws {
    let folder = try TemporaryFolder()
    let (dead, alive, next) = (UUID().uuidString, UUID().uuidString.lowercased(), UUID().uuidString)
    func path(_ runID: String) -> String {
      ScratchFolder.path(stem: folder.file("rows"), runID: runID, kind: .disks)
    }
    // What a process leaves that had no time to tidy up: a folder that nobody has locked.
    try FileManager.default.createDirectory(atPath: path(dead), withIntermediateDirectories: false)
    try Data("disk".utf8).write(to: URL(filePath: path(dead) + "/guest0.disk"))
    try FileManager.default.createDirectory(
      atPath: folder.file("rows.mine.disks"), withIntermediateDirectories: false)
    let living = try ScratchFolder(path(alive))
    try folder.expect([living.path, folder.file("rows.mine.disks")])
    let disks = try ScratchDisks(in: path(next), count: 1, byteCount: 4096, isFilled: false) { false }
    #expect(disks.paths.count == 1)
    try folder.expect([living.path, folder.file("rows.mine.disks"), path(next)])
  }

  @Test("more than the file system has is refused before anything is made")
  func tooLarge() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: BenchFailure.self) {
      _ = try ScratchDisks(in: folder.file("d"), count: 1, byteCount: 1 << 60, isFilled: true) { false }
    }
    #expect(error?.description.contains("MiB are free") == true)
    #expect(try folder.entries == [])
  }

  @Test("a disk that no engine reads is not filled")
  func unfilled() throws {
    let folder = try TemporaryFolder()
    let disks = try ScratchDisks(in: folder.file("d"), count: 1, byteCount: 1 << 30, isFilled: false) { true }
    #expect(disks.paths.count == 1)
    #expect(try DiskSize.byteCount(disks.paths[0]) == 1 << 30)
  }
}

extension TemporaryFolder {
  /// Expects these entries, named by their paths, and no others.
  fileprivate func expect(_ paths: [String]) throws {
    #expect(try Set(entries) == Set(paths.map { ($0 as NSString).lastPathComponent }))
  }
}
