import Foundation
import Testing

@testable import Bench

struct ComparisonTests {
  private func compare(
    _ first: [RunRecord], _ second: [RunRecord], metrics: [Metric] = [.iops], isPaired: Bool = false,
    isForced: Bool = false, calibrations: [Calibration] = []
  ) throws -> Comparison {
    try Comparison(
      Comparison.Request(
        titleA: "A", titleB: "B", bootsA: BootRows.boots(first), bootsB: BootRows.boots(second),
        metrics: metrics,
        isPaired: isPaired, isForced: isForced, calibrations: calibrations, resampleCount: 200))
  }

  private func rates(_ level: Double, noise: Double = 0.005, seed: UInt64, count: Int = 20) -> [Double] {
    BootRows.rates(count, level: level, noise: noise, seed: seed)
  }

  @Test("a clear change is found, and the metric's direction says whether it is good")
  func directions() throws {
    let slow = try compare(
      BootRows.rows(iops: rates(1000, seed: 1)), BootRows.rows(iops: rates(900, seed: 2)),
      metrics: [.iops, .latencyP50])
    #expect(slow.metrics.map(\.verdict) == [.regressed, .regressed])
    #expect(slow.exitCode == 2)
    let shift = try #require(slow.metrics[0].relativeShift)
    #expect(abs(shift + 0.1) < 0.01)
    let fast = try compare(
      BootRows.rows(iops: rates(1000, seed: 1)), BootRows.rows(iops: rates(1100, seed: 2)),
      metrics: [.iops, .latencyP50])
    #expect(fast.metrics.map(\.verdict) == [.improved, .improved])
    #expect(fast.exitCode == 0)
  }

  @Test("unchanged is what was shown to lie within the floor, and not what was merely not shown to differ")
  func equivalence() throws {
    let quiet = try compare(
      BootRows.rows(iops: rates(1000, seed: 1)), BootRows.rows(iops: rates(1001, seed: 2)))
    #expect(quiet.metrics.map(\.verdict) == [.unchanged])
    #expect(quiet.exitCode == 0)
    let noisy = try compare(
      BootRows.rows(iops: rates(1000, noise: 0.2, seed: 1)),
      BootRows.rows(iops: rates(1001, noise: 0.2, seed: 2)))
    #expect(noisy.metrics.map(\.verdict) == [.inconclusive])
    #expect(noisy.exitCode == 6)
  }

  @Test("a change that is certain, but smaller than the floor, is unchanged")
  func smallChange() throws {
    let comparison = try compare(
      BootRows.rows(iops: rates(1000, noise: 0.0005, seed: 1)),
      BootRows.rows(iops: rates(990, noise: 0.0005, seed: 2)))
    #expect(comparison.metrics[0].adjustedPValue < 0.001)
    #expect(comparison.metrics[0].verdict == .unchanged)
  }

  @Test("pairs see through drift that moves both of their boots")
  func pairing() throws {
    let drift = (0..<20).map { 1 + 0.5 * Double($0 % 5) }
    let first = zip(rates(1000, seed: 1), drift).map(*)
    let second = zip(rates(930, seed: 2), drift).map(*)
    let paired = try compare(BootRows.rows(iops: first), BootRows.rows(iops: second), isPaired: true)
    #expect(paired.metrics[0].verdict == .regressed)
    let unpaired = try compare(BootRows.rows(iops: first), BootRows.rows(iops: second))
    #expect(unpaired.metrics[0].verdict == .inconclusive)
  }

  @Test("too few boots come to no verdict, whatever they show")
  func tooFew() throws {
    let comparison = try compare(BootRows.rows(iops: [10, 11, 12]), BootRows.rows(iops: [99, 98, 97]))
    #expect(comparison.metrics[0].verdict == .inconclusive)
    #expect(comparison.notes.contains { $0.contains("3 boots are too few") })
    let constant = try compare(BootRows.rows(iops: [10, 10]), BootRows.rows(iops: [10, 10]))
    #expect(constant.metrics[0].verdict == .inconclusive)
  }

  @Test("figures that are zero on both sides are unchanged, by the absolute floor")
  func zeros() throws {
    let rows = BootRows.rows(iops: rates(1000, seed: 1)) { $0.ioVMExitsPerIO = 0 }
    let comparison = try compare(rows, rows, metrics: [.ioVMExitsPerIO])
    #expect(comparison.metrics[0].verdict == .unchanged)
    #expect(comparison.metrics[0].relativeShift == nil)
    let tiny = BootRows.rows(iops: rates(1000, seed: 1)) { row in
      row.ios = 1_000_000
      row.ioVMExitsPerIO = Double(row.repetition) / 1e6
    }
    #expect(try compare(rows, tiny, metrics: [.ioVMExitsPerIO]).metrics[0].verdict == .unchanged)
    let exits = BootRows.rows(iops: rates(1000, seed: 1)) { $0.ioVMExitsPerIO = 1 }
    #expect(try compare(rows, exits, metrics: [.ioVMExitsPerIO]).metrics[0].verdict == .regressed)
  }

  @Test("Holm's correction takes all tests of a comparison into account")
  func correction() throws {
    let metrics: [Metric] = [.iops, .latencyP50, .latencyMean]
    let comparison = try compare(
      BootRows.rows(iops: rates(1000, seed: 1)), BootRows.rows(iops: rates(990, seed: 2)), metrics: metrics)
    #expect(comparison.metrics.map(\.adjustedPValue) == Holm.adjusted(comparison.metrics.map(\.pValue)))
  }

  @Test("hosts that differ are refused, and compared with a loud note if forced")
  func hosts() throws {
    let first = BootRows.rows(iops: rates(1000, seed: 1))
    let second = BootRows.rows(iops: rates(1000, seed: 2)) { $0.hostKernel = "6.2.0" }
    let failure = #expect(throws: BenchFailure.self) { try compare(first, second) }
    #expect(failure?.description.contains("host_kernel: '6.1.0' and '6.2.0'") == true)
    #expect(failure?.exitCode == .dataError)
    #expect(try compare(first, second, isForced: true).notes[0].hasPrefix("THE HOSTS DIFFER"))
  }

  @Test("different configurations are refused, with the column to ignore")
  func configurations() throws {
    let first = BootRows.rows(iops: rates(1000, seed: 1))
    let second = BootRows.rows(iops: rates(1000, seed: 2)) { $0.iodepth = 8 }
    let failure = #expect(throws: BenchFailure.self) { try compare(first, second) }
    #expect(failure?.description.contains("--ignore iodepth") == true)
  }

  @Test("pairs that cannot be told are refused, and boots with failed requests left out")
  func unusableBoots() throws {
    let rows = BootRows.rows(iops: rates(1000, seed: 1))
    let repeated = rows.map { row in
      var row = row
      row.runID = UUID().uuidString
      row.repetition = 1
      return row
    }
    #expect(throws: BenchFailure.self) { try compare(rows, repeated, isPaired: true) }
    let failed = BootRows.rows(iops: rates(1000, seed: 1)) { $0.errors = $0.repetition == 3 ? 1 : 0 }
    let comparison = try compare(rows, failed)
    #expect(comparison.metrics[0].bootsB == 19)
    #expect(comparison.notes.contains { $0.hasPrefix("1 boot(s) with failed requests") })
  }

  @Test("reports name verdict, interval and notes in every format")
  func reports() throws {
    let comparison = try compare(
      BootRows.rows(iops: rates(1000, seed: 1)), BootRows.rows(iops: rates(900, seed: 2)))
    let table = try comparison.text(.table)
    #expect(table.contains("regressed"))
    #expect(table.contains("verdict: 1 regressed"))
    #expect(table.contains("3.00 %*"))
    #expect(try comparison.text(.markdown).contains("| configuration | metric | A | B |"))
    let json = try JSONSerialization.jsonObject(with: Data(comparison.text(.json).utf8)) as? [String: Any]
    #expect(json?["exit_code"] as? Int == 2)
  }

  @Test("a boot's figures are those of all its guests, and a boot that lacks one is refused")
  func guests() throws {
    func rows(_ guests: [Int]) -> [RunRecord] {
      guests.map { guest in
        var row = RunFixture.record
        row.guests = 2
        row.guestIndex = guest
        row.ios = 1000
        row.ioVMExitsPerIO = guest == 0 ? 0.5 : 1.5
        row.iops = 100
        row.latencyP99Microseconds = Double(10 + guest)
        row.pollerCPUSeconds = 1
        row.vcpuCPUSeconds = 1
        return row
      }
    }
    let boot = try #require(BootRows.boots(rows([0, 1])).first)
    #expect(boot.values[.iops] == 200)
    #expect(boot.values[.latencyP99] == 11)
    #expect(boot.values[.ioVMExitsPerIO] == 1)
    #expect(boot.values[.iopsPerCPUSecond] == 50)
    for guests in [[0], [1], [0, 0], [0, 1, 1]] {
      let failure = #expect(throws: BenchFailure.self) { try BootRows.boots(rows(guests)) }
      #expect(failure?.description.contains(":2: a boot of 2 guest(s)") == true)
    }
  }
}
