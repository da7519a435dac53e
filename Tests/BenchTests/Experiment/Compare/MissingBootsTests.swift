import Testing

@testable import Bench

/// Comparisons of files whose boots are not all there.
struct MissingBootsTests {
  private static func rates(_ level: Double, seed: UInt64) -> [Double] {
    BootRows.rates(20, level: level, noise: 0.005, seed: seed)
  }

  private func fileComparison(_ first: [RunRecord], _ second: [RunRecord]) throws -> Comparison {
    var request = Comparison.Request(
      titleA: "A", titleB: "B", bootsA: try BootRows.boots(first), bootsB: try BootRows.boots(second),
      metrics: [.iops], isPaired: false)
    request.rowsAreAll = true
    return try Comparison(request)
  }

  @Test("a boot without a row in one file counts as a failed boot of that side")
  func missingBoots() throws {
    let first = BootRows.rows(iops: Self.rates(1000, seed: 1))
    let second = BootRows.rows(iops: Self.rates(1000, seed: 2))
    let complete = try fileComparison(first, second)
    #expect(complete.exitCode == 0 && complete.reliability.isEmpty)
    let hole = try fileComparison(first, second.filter { ![4, 9].contains($0.repetition) })
    #expect(hole.reliability.map(\.verdict) == [.regressed])
    #expect(hole.reliability.map(\.failedB) == [2] && hole.reliability.map(\.bootsB) == [20])
    #expect(hole.exitCode == 2)
    // Whether the last ones failed, or were not planned, the rows do not say.
    let short = try fileComparison(first, second.filter { $0.repetition <= 17 })
    #expect(short.reliability.isEmpty && short.exitCode == 6)
    #expect(short.notCompared.map { $0.hasSuffix("repetitions 18 .. 20") } == [true])
    #expect(short.notes.contains { $0.hasPrefix("B ENDS BEFORE A") })
    #expect(try fileComparison(first.filter { $0.repetition <= 17 }, second).exitCode == 0)
    // A's holes are A's failures.
    #expect(try fileComparison(first.filter { $0.repetition != 4 }, second).exitCode == 0)
  }

  @Test("a cell without rows in B is a regression, and the message does not advise --ignore")
  func missingCell() throws {
    let deep = BootRows.rows(iops: Self.rates(4000, seed: 3)) { $0.iodepth = 64 }
    let first = BootRows.rows(iops: Self.rates(1000, seed: 1))
    let second = BootRows.rows(iops: Self.rates(1000, seed: 2))
    let comparison = try fileComparison(first + deep, second)
    #expect(comparison.reliability.map(\.verdict) == [.regressed])
    #expect(comparison.reliability.map(\.failedB) == [20])
    #expect(comparison.notCompared.count == 1)
    #expect(comparison.exitCode == 2)
    let failure = #expect(throws: BenchFailure.self) { try fileComparison(first, second + deep) }
    #expect(failure?.description.contains("--ignore") == false)
  }

  @Test("no format prints an interval for one boot per side")
  func oneBoot() throws {
    let comparison = try fileComparison(BootRows.rows(iops: [1000]), BootRows.rows(iops: [900]))
    for format in ComparisonFormat.allCases where format != .json {
      #expect(try !comparison.text(format).contains("-10.00 % .. -10.00 %"))
    }
    #expect(comparison.notes.contains("one boot a side has no interval at all"))
  }
}
