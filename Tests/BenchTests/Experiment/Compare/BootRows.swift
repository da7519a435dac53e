import Foundation
import HostSystem

@testable import Bench

/// Files of rows with numbers that are easy to check.
enum BootRows {
  /// Writes a row for each of `rows` to `path`.
  static func write(_ rows: [RunRecord], to path: String) throws {
    let writer = try CSVWriter(path: path)
    for row in rows { try writer.write(row) }
  }

  /// One boot of one guest for each of `iops`, latencies falling as rates rise.
  static func rows(iops: [Double], change: (inout RunRecord) -> Void = { _ in }) -> [RunRecord] {
    iops.enumerated().map { index, iops in
      var row = RunFixture.record
      row.repetition = index + 1
      row.iops = iops
      row.latencyP50Microseconds = 1e6 / iops
      row.vcpuCPUShare = 1
      change(&row)
      return row
    }
  }

  /// The boots of such rows.
  static func boots(_ rows: [RunRecord], metrics: [Metric] = Metric.allCases) throws -> [BootSample] {
    let folder = try TemporaryFolder()
    try write(rows, to: folder.file("rows.csv"))
    return try BootSample.boots(of: RowFile(path: folder.file("rows.csv")), metrics: metrics)
  }

  /// Rates about `level` with a noise of `noise`, relative.
  static func rates(_ count: Int, level: Double, noise: Double, seed: UInt64) -> [Double] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      level * (1 + noise * NormalDistribution.quantile(Double.random(in: 0.001..<0.999, using: &generator)))
    }
  }
}
