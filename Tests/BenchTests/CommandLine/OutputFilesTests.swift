import Foundation
import Testing

@testable import Bench

struct OutputFilesTests {
  @Test("the JSON file and the disks lie beside the CSV")
  func names() throws {
    let folder = try TemporaryFolder()
    let files = try OutputFiles(csvPath: folder.file("rows.csv"), identity: RunFixture.identity)
    #expect(files.csvPath == folder.file("rows.csv"))
    #expect(
      files.scratchDiskFolder(identity: RunFixture.identity)
        == folder.file("rows.\(RunFixture.identity.runID).disks"))
    #expect(try folder.entries == [])
  }

  @Test("an earlier run's JSON file is left alone")
  func takenName() throws {
    let folder = try TemporaryFolder()
    try Data("{}".utf8).write(to: URL(filePath: folder.file("rows.json")))
    let files = try OutputFiles(csvPath: folder.file("rows.csv"), identity: RunFixture.identity)
    #expect(try files.write(RunFixture.document) == folder.file("rows.\(RunFixture.identity.runID).json"))
    #expect(try folder.text(of: "rows.json") == "{}")
  }

  @Test("two runs that end at once keep a document each")
  func twoDocuments() throws {
    let folder = try TemporaryFolder()
    var other = RunFixture.document
    other.runID = "00000000-0000-4000-8000-000000000001"
    // Both looked before either had written.
    let files = try OutputFiles(csvPath: folder.file("rows.csv"), identity: RunFixture.identity)
    #expect(try files.write(RunFixture.document) == folder.file("rows.json"))
    #expect(try files.write(other) == folder.file("rows.\(other.runID).json"))
    #expect(try folder.entries == ["rows.\(other.runID).json", "rows.json"])
  }

  @Test("a folder that does not exist is refused")
  func missingFolder() throws {
    let error = #expect(throws: BenchFailure.self) {
      try OutputFiles(csvPath: "/no/such/folder/rows.csv", identity: RunFixture.identity)
    }
    #expect(error?.exitCode == .cannotCreate)
  }

  @Test("the default folder is only made when asked for")
  func makingTheFolder() throws {
    let folder = try TemporaryFolder()
    let files = try OutputFiles(csvPath: nil, identity: RunFixture.identity)
    #expect(files.csvPath == "results/runs/20231114T221320Z-0123456789ab-dirty.csv")
    try FileManager.default.createDirectory(atPath: folder.file("deep"), withIntermediateDirectories: false)
    try OutputFiles(csvPath: folder.file("deep/rows.csv"), identity: RunFixture.identity).makeFolder()
    #expect(try folder.entries == ["deep"])
  }

  @Test("a folder as output is an error")
  func folderAsOutput() throws {
    let folder = try TemporaryFolder()
    let path = folder.path
    #expect(throws: BenchFailure.self) { try OutputFiles(csvPath: path, identity: RunFixture.identity) }
  }

  @Test("the default name says when and what")
  func fileStem() {
    #expect(RunFixture.identity.fileStem == "20231114T221320Z-0123456789ab-dirty")
    #expect(RunFixture.identity.startedAt == "2023-11-14T22:13:20Z")
  }
}
