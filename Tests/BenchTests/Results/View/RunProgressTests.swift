import Foundation
import HostSystem
import Testing

@testable import Bench

/// The progress of a run, read from its files.
struct RunProgressTests {
  @Test("a window that publishes is read back, and counts its rate from sample to sample")
  func counter() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("rows.live")
    do {
      let counter = LiveCounter(path: path, title: "vext, randread 4k, iodepth 1")
      #expect(LiveSample.read(path) == nil)
      let start = HostClock.monotonicNanoseconds()
      counter.publish(3000, start + 1_000_000_000)
      let first = try #require(LiveSample.read(path))
      #expect(first.title == "vext, randread 4k, iodepth 1")
      #expect(first.requests == 3000 && (2500...3500).contains(first.iops))
      counter.publish(8000, start + 2_000_000_000)
      #expect(LiveSample.read(path)?.iops == 5000)
      // A guest may write anything to its counts.
      counter.publish(7, start + 3_000_000_000)
      #expect(LiveSample.read(path)?.iops == 0)
      #expect(try Data(contentsOf: URL(filePath: path)).count == LiveSample.byteCount)
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test("a file that is old, cut off or not a sample is skipped")
  func unusable() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("x.live")
    let sample = LiveSample(title: "t", requests: 1, iops: 2, seconds: 3)
    let bytes = try #require(sample.encoded)
    try Data(bytes).write(to: URL(filePath: path))
    #expect(LiveSample.read(path) == sample)
    #expect(LiveSample.read(path, now: Date(timeIntervalSinceNow: 60)) == nil)
    try Data(bytes.dropLast()).write(to: URL(filePath: path))
    #expect(LiveSample.read(path) == nil)
    try Data(repeating: 0xFF, count: 4096).write(to: URL(filePath: path))
    #expect(LiveSample.read(path) == nil)
    #expect(
      LiveSample(title: String(repeating: "x", count: 300), requests: 1, iops: 1, seconds: 1).encoded == nil)
    #expect(LiveSample(title: "x", requests: 1, iops: .nan, seconds: 1).encoded == nil)
  }

  @Test("of a matrix, boots that left rows are counted among those that are planned")
  func matrix() throws {
    let parent = try TemporaryFolder()
    let run = parent.file("run")
    do { _ = try ExperimentFolder(creating: run, plan: ExperimentTests.plan()) }
    #expect(try RunProgress(of: run).plannedBoots == 6)
    #expect(try RunProgress(of: run).finishedBoots == 0)
    let bytes = try #require(LiveSample(title: "vext", requests: 1, iops: 2, seconds: 3).encoded)
    try Data(bytes).write(to: URL(filePath: "\(run)/boots/00001.77.part.live"))
    let before = try RunProgress(of: run)
    #expect(before.live.map(\.title) == ["vext"])
    try BootRows.write(FigureFixture.boots(.vext, iops: [1]), to: "\(run)/boots/00001.csv")
    try BootRows.write(FigureFixture.boots(.vext, iops: [1]), to: "\(run)/rows.csv")
    let after = try RunProgress(of: run)
    #expect(after.finishedBoots == 1 && !after.isComplete)
    #expect(after.rowsVersion != before.rowsVersion)
  }

  @Test("a file of rows may be yet to come; a folder that is not there is an error")
  func files() throws {
    let folder = try TemporaryFolder()
    #expect(try RunProgress(of: folder.file("rows.csv")).finishedBoots == 0)
    try BootRows.write(FigureFixture.boots(.vext, iops: [1, 2]), to: folder.file("rows.csv"))
    #expect(try RunProgress(of: folder.file("rows.csv")).finishedBoots == 2)
    #expect(throws: BenchFailure.self) { try RunProgress(of: folder.file("nothing")) }
    #expect(throws: BenchFailure.self) { try RunProgress(of: folder.file("nowhere/rows.csv")) }
  }
}
