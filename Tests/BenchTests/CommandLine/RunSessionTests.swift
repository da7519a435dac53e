import Foundation
import Testing

@testable import Bench

struct RunSessionTests {
  /// Measures nothing, and does something else in one of the cells.
  private struct FakeRunner: CellMeasuring {
    var guestCount = 1
    let placement = RunFixture.placement
    var change: @Sendable (RunCell, [String], inout CellMeasurement) throws -> Void = { _, _, _ in }

    func checkHost() throws {}

    func run(_ cell: RunCell, diskPaths: [String], watch: InterruptionWatch) throws -> [CellMeasurement] {
      try (0..<guestCount).map { guest in
        var measurement = RunFixture.measurement(guest: guest)
        try change(cell, diskPaths, &measurement)
        return measurement
      }
    }
  }

  private struct Outcome {
    var failure: (any Error)?
    var rowCount = 0
    var document: RunDocument?
    var shown = ""
    var entries: [String] = []
  }

  /// Runs six boots (two modes, three times) below a folder of their own.
  private func run(_ runner: some CellMeasuring, configuration: RunConfiguration = RunFixture.configuration)
    throws
    -> Outcome
  {
    let folder = try TemporaryFolder()
    var context = RunFixture.context
    context.configuration = configuration
    let lines = Lines()
    var session = try RunSession(
      context: context, plan: RunPlan(configuration),
      files: OutputFiles(csvPath: folder.file("rows.csv"), identity: context.identity),
      progress: ProgressReporter(isQuiet: true), watch: InterruptionWatch(), show: { lines.text += $0 + "\n" }
    )
    var outcome = Outcome()
    do { try session.run(with: runner) } catch { outcome.failure = error }
    outcome.shown = lines.text
    outcome.entries = try folder.entries
    if outcome.entries.contains("rows.csv") {
      outcome.rowCount = try folder.text(of: "rows.csv").split(separator: "\n").count - 1
    }
    if outcome.entries.contains("rows.json") {
      outcome.document = try JSONDecoder().decode(
        RunDocument.self, from: Data(folder.text(of: "rows.json").utf8))
    }
    return outcome
  }

  /// What a run showed.
  private final class Lines {
    var text = ""
  }

  @Test("a run leaves one row per boot, a document and a table, and no disk")
  func completeRun() throws {
    let outcome = try run(FakeRunner())
    #expect(outcome.failure == nil)
    #expect(outcome.rowCount == 6)
    #expect(outcome.document?.isComplete == true)
    #expect(outcome.document?.results.map(\.row.repetition) == [1, 1, 2, 2, 3, 3])
    #expect(outcome.entries == ["rows.csv", "rows.json"])
    #expect(outcome.shown.contains("IOPS relative to virtio-blk"))
    #expect(outcome.shown.contains("median of 3 boots per column"))
  }

  @Test
  func `a phase of a job file has a row and a table of its own, and latencies only where fio kept them`()
    throws
  {
    var configuration = RunFixture.configuration
    configuration.repetitionCount = 1
    configuration.linux = LinuxConfiguration(
      kernelPath: "/k", initrdPath: nil, kernelParameters: "", memory: ByteSize(byteCount: 1 << 28),
      ioengine: .libaio,
      idleSpan: .milliseconds(0),
      job: try FioJobFile(
        name: "two.fio",
        sections: FioJobReader(
          text:
            "[global]\nruntime=7\n[fill]\nrw=write\nbs=1m\nrate=8m\n[ask]\nstonewall\nrw=randread\ngtod_reduce=1\n"
        ).sections))
    let outcome = try run(PhaseRunner(), configuration: configuration)
    #expect(outcome.failure == nil)
    #expect(outcome.document?.isComplete == true)
    let rows = try #require(outcome.document?.results.map(\.row))
    #expect(rows.map(\.fioGroup) == ["fill", "ask", "fill", "ask"])
    #expect(rows.map(\.rw) == ["write", "randread", "write", "randread"])
    #expect(rows.map(\.blockBytes) == [1 << 20, 4096, 1 << 20, 4096])
    #expect(rows.map(\.fioRate) == ["rate=8m", nil, "rate=8m", nil])
    #expect(rows.map(\.runtimeSeconds) == [7, 7, 7, 7])
    #expect(rows.map { $0.latencyP99Microseconds != nil } == [true, false, true, false])
    #expect(outcome.shown.contains("phase fill: write, bs 1m, iodepth 1, rate=8m, 7s\n"))
    #expect(outcome.shown.contains("phase ask: randread, bs 4k, iodepth 1, 7s\n"))
    #expect(
      outcome.shown.contains(
        "- job file two.fio: file name and size are bench's; stonewall is replaced by phases"))
    #expect(outcome.shown.contains("one boot per column"))
  }

  /// Two phases, the second without latencies.
  private struct PhaseRunner: CellMeasuring {
    let placement = RunFixture.placement

    func checkHost() throws {}

    func run(_ cell: RunCell, diskPaths: [String], watch: InterruptionWatch) throws -> [CellMeasurement] {
      (0..<2).map { phase in
        var measurement = RunFixture.measurement()
        measurement.part = phase
        if phase == 1 { measurement.latency = LatencyDistribution() }
        return measurement
      }
    }
  }

  @Test("each guest gets a disk of its own, filled to the size asked for, and a row")
  func disks() throws {
    var configuration = RunFixture.configuration
    configuration.guestCount = 2
    let outcome = try run(
      FakeRunner(guestCount: 2) { _, paths, measurement in
        measurement.diskByteCount = try DiskSize.byteCount(paths[measurement.guestIndex])
        if Set(paths).count != 2 { measurement.errors = 1 }
      }, configuration: configuration)
    #expect(outcome.failure == nil)
    #expect(outcome.rowCount == 12)
    #expect(outcome.document?.results.allSatisfy { $0.row.diskBytes == 1 << 20 } == true)
    #expect(outcome.entries == ["rows.csv", "rows.json"])
  }

  @Test("the user's disk is handed to all guests, and kept")
  func sharedDisk() throws {
    let folder = try TemporaryFolder()
    let disk = folder.file("disk")
    try Data(count: 1 << 20).write(to: URL(filePath: disk))
    var configuration = RunFixture.configuration
    configuration.guestCount = 2
    configuration.diskPath = disk
    let outcome = try run(
      FakeRunner(guestCount: 2) { _, paths, measurement in
        if paths != [disk, disk] { measurement.errors = 1 }
      }, configuration: configuration)
    #expect(outcome.failure == nil)
    #expect(try folder.entries == ["disk"])
  }

  @Test("an interruption keeps the rows of finished boots, and removes the disks")
  func interruption() throws {
    let outcome = try run(FakeRunner { cell, _, _ in if cell.index == 2 { throw RunInterruption() } })
    let failure = outcome.failure as? BenchFailure
    #expect(failure?.description == "interrupted after 2 of 6 boots; their rows were kept")
    #expect(outcome.rowCount == 2)
    #expect(outcome.document?.isComplete == false)
    #expect(outcome.entries == ["rows.csv", "rows.json"])
  }

  @Test("a boot that fails ends the run with its own message, and keeps the rows before it")
  func failingBoot() throws {
    let fault = BenchFailure("guest fault at RIP 0x1000")
    let outcome = try run(FakeRunner { cell, _, _ in if cell.index == 3 { throw fault } })
    #expect(outcome.failure as? BenchFailure == fault)
    #expect(outcome.rowCount == 3)
    #expect(outcome.entries == ["rows.csv", "rows.json"])
  }

  @Test("a first boot that fails leaves nothing at all")
  func failingFirstBoot() throws {
    let outcome = try run(FakeRunner { _, _, _ in throw BenchFailure("no memory") })
    #expect(outcome.failure != nil)
    #expect(outcome.entries == [])
    #expect(outcome.shown.isEmpty)
  }

  @Test("failed requests are recorded, and make the run fail")
  func failedRequests() throws {
    let outcome = try run(FakeRunner { cell, _, measurement in measurement.errors = cell.index == 0 ? 3 : 0 })
    #expect(
      (outcome.failure as? BenchFailure)?.description == "3 requests ended with an error (column errors)")
    #expect(outcome.rowCount == 6)
    #expect(outcome.document?.results.map(\.row.errors) == [3, 0, 0, 0, 0, 0])
    #expect(outcome.shown.contains("failed requests"))
  }

  @Test("wrong data is recorded, and makes the run fail")
  func wrongData() throws {
    let outcome = try run(FakeRunner { _, _, measurement in measurement.verifyErrors = 1 })
    #expect(
      (outcome.failure as? BenchFailure)?.description == "6 I/O blocks did not hold what was written to them")
    #expect(outcome.rowCount == 6)
  }
}
