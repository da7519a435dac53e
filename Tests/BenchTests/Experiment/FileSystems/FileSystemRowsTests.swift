import Foundation
import Testing

@testable import Bench

struct FileSystemRowsTests {
  private static let rows = FileSystemRows(
    runID: "id", startedAt: "2026-11-30T10:00:00Z", revision: "abc", kernel: "6.18", folder: "/a,b",
    settings: FileSystemFixture.settings)

  @Test("a row has a field for each column, with the result in the unit of the workload")
  func row() {
    let measurement = FileSystemMeasurement(
      cell: .init(position: 4, fileSystem: .fuseVext, workload: .read, repetition: 2, seed: 9),
      work: .init(operationCount: 8, byteCount: 8 << 20, seconds: 0.5, requestRate: 16))
    #expect(
      Self.rows.line(measurement)
        == "id,2026-11-30T10:00:00Z,abc,6.18,\"/a,b\",7,2,4,fuse-vext,read,MiB/s,16.0,8,8388608,0.5,8388608,0.2,100"
    )
    #expect(FileSystemRows.columns.count == 18)
  }

  @Test("rows are added below the header, and a file of other rows is refused")
  func file() throws {
    let folder = try TemporaryFolder()
    let measurement = FileSystemFixture.creations(1000, .ext4, repetition: 1)
    for _ in 1...2 { try Self.rows.append(measurement, to: folder.file("fs.csv")) }
    let lines = try folder.text(of: "fs.csv").split(separator: "\n").map(String.init)
    #expect(lines == [FileSystemRows.header] + [String](repeating: Self.rows.line(measurement), count: 2))
    try Data("mode,iops\n".utf8).write(to: URL(filePath: folder.file("other.csv")))
    let path = folder.file("other.csv")
    let failure = #expect(throws: BenchFailure.self) { try Self.rows.append(measurement, to: path) }
    #expect(failure?.exitCode == .dataError)
  }

  @Test("docs/bench-fs.md names every column and workload")
  func documentation() throws {
    let page = try String(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../../../docs/bench-fs.md"), encoding: .utf8)
    for name in FileSystemRows.columns + HostWorkload.allCases.map(\.rawValue)
      + HostFileSystem.allCases.map(\.rawValue)
    {
      #expect(page.contains("`\(name)`"), "\(name)")
    }
  }
}
