import Foundation
import Hypervisor

@testable import Bench

/// Rows and records of boots that never took place, with numbers that are easy to check.
enum FigureFixture {
  /// Rows of one boot of `guests` machines, with `iops` all together.
  static func boot(
    _ mode: DataPathMode, iops: Double, repetition: Int = 1, guests: Int = 1, busy: Int? = nil,
    change: (inout RunRecord) -> Void = { _ in }
  ) -> [RunRecord] {
    let busy = busy ?? guests
    return (0..<guests).map { index in
      var row = RunFixture.record
      row.mode = mode
      row.engine = mode.engine(.libaio)
      row.repetition = repetition
      row.seed = UInt64(repetition)
      row.guests = guests
      row.busyGuests = busy
      row.guestIndex = index
      row.iops = index < busy ? iops / Double(busy) : 0
      if index >= busy { row.ios = 0 }
      change(&row)
      return row
    }
  }

  /// A boot for each of `iops`.
  static func boots(
    _ mode: DataPathMode, iops: [Double], change: (inout RunRecord) -> Void = { _ in }
  ) -> [RunRecord] {
    iops.enumerated().flatMap { boot(mode, iops: $0.element, repetition: $0.offset + 1, change: change) }
  }

  /// Writes `rows` as `rows.csv` into `folder`, and unless `histogram` is nil `rows.json` with that histogram for each.
  static func write(
    _ rows: [RunRecord], to folder: String, host: HostDescription = RunFixture.host,
    histogram: ((RunRecord) -> NanosecondHistogram)? = FigureFixture.histogram
  ) throws {
    try BootRows.write(rows, to: "\(folder)/rows.csv")
    guard let histogram else { return }
    try document(rows, host: host, histogram: histogram).write(to: "\(folder)/rows.json")
  }

  /// The record of a run with `rows`.
  static func document(
    _ rows: [RunRecord], host: HostDescription = RunFixture.host,
    histogram: (RunRecord) -> NanosecondHistogram = FigureFixture.histogram
  ) -> RunDocument {
    RunDocument(
      runID: RunFixture.identity.runID, startedAt: RunFixture.identity.startedAt,
      finishedAt: "2023-11-14T22:14:00Z",
      isComplete: true, gitRevision: "0123456789ab", isDirty: true,
      commandLine: ["bench", "run", "--mode", "vext", "--output", "it's a file.csv"], host: host,
      configuration: RunFixture.configuration,
      plan: RunPlan(paths: [DataPath(.vext)], repetitionCount: 1, seed: 1),
      plannedPlacement: RunFixture.placement,
      nativeRoundTripNanoseconds: [],
      results: rows.map { row in
        RunDocument.Result(
          row: row, grantedPlacement: GrantedPlacement(ioThreadCPUs: ["0"], vcpuCPUs: ["1"], numaNode: 0),
          workerElapsedSeconds: [0.5], latencyHistogram: histogram(row), linux: nil)
      })
  }

  /// 9,000 requests of as many microseconds as the boot's number, and 1,000 of ten times that.
  static func histogram(_ row: RunRecord) -> NanosecondHistogram {
    let level = UInt64(row.repetition) * 1000
    return NanosecondHistogram(
      LatencyDistribution(
        entries: [.init(nanoseconds: level, count: 9000), .init(nanoseconds: 10 * level, count: 1000)],
        sumNanoseconds: 0, maxNanoseconds: 0))
  }

  /// What bench makes of `rows`.
  static func runs(
    _ rows: [RunRecord], histogram: ((RunRecord) -> NanosecondHistogram)? = FigureFixture.histogram
  ) throws -> FigureRuns {
    let folder = try TemporaryFolder()
    try write(rows, to: folder.path, histogram: histogram)
    return try FigureRuns([folder.path])
  }

  /// Rows that have the data of every figure.
  static let everything: [RunRecord] = {
    var rows: [RunRecord] = []
    for (index, mode) in DataPathMode.allCases.enumerated() {
      for depth in [1, 4, 16] {
        let level = Double((index + 1) * depth) * 1000
        rows += boots(mode, iops: [level, 3 * level, 2 * level]) { $0.iodepth = depth }
      }
      for rw in ["read", "randwrite"] {
        rows += boots(mode, iops: [500, 600]) {
          $0.rw = rw
          $0.iodepth = 1
        }
      }
      for (guests, busy) in [(2, 2), (2, 1), (8, 8), (8, 1)] {
        for repetition in 1...2 {
          rows += boot(mode, iops: 700, repetition: repetition, guests: guests, busy: busy) { $0.iodepth = 1 }
        }
      }
    }
    return rows
  }()
}
