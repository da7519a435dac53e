import Foundation
import Testing

@testable import Bench

struct CalibrationTests {
  private func pairs(noise: Double, count: Int = 40, seed: UInt64 = 1) -> [SampleSet.Pair] {
    zip(
      BootRows.rates(count, level: 1000, noise: noise, seed: seed),
      BootRows.rates(count, level: 1000, noise: noise, seed: seed + 1)
    ).map { SampleSet.Pair(first: $0, second: $1) }
  }

  private func calibration(noise: Double, pairCount: Int = 40) throws -> Calibration {
    let boot = try #require(BootRows.boots(BootRows.rows(iops: [1])).first)
    let entry = try #require(
      Calibration.Entry(
        configuration: boot.configuration, metric: .iops, pairs: pairs(noise: noise, count: pairCount))
    )
    return Calibration(
      host: HostIdentity(RunFixture.host), scenario: "test", scenarioFingerprint: "0123",
      createdAt: "2026-01-01T00:00:00Z", gitRevision: "abc", pairCount: 40, entries: [entry])
  }

  @Test("the noise of a pair is estimated, and the floor is four standard errors")
  func floor() throws {
    let entry = try calibration(noise: 0.02).entries[0]
    // Two boots of 2 % each.
    #expect((0.02...0.04).contains(entry.pairNoise))
    let floor = entry.floor(bootsA: 10, bootsB: 10, isPaired: true)
    #expect(isClose(floor.relative, 4 * (Double.pi / 3).squareRoot() * entry.pairNoise / 10.0.squareRoot()))
    #expect(floor.source == .calibrated)
    #expect(entry.floor(bootsA: 10_000, bootsB: 10_000, isPaired: true).relative == NoiseFloor.leastRelative)
    #expect(
      try calibration(noise: 0.3).entries[0].floor(bootsA: 6, bootsB: 6, isPaired: false).relative == 0.25)
  }

  @Test("a noisier host needs more pairs for 5 %, a quiet one as many as the rank test needs")
  func repetitions() throws {
    let quiet = try calibration(noise: 0.0001).entries[0]
    let noisy = try calibration(noise: 0.05).entries[0]
    #expect(quiet.pairsForFivePercent == 8)
    #expect(noisy.pairsForFivePercent > 40)
  }

  @Test("as many pairs as calibration asks for find 5 % in 95 % of cases, and raise no alarm without it")
  func power() throws {
    let noise = 0.02
    // Many pairs, so that the estimate of the noise is not what is tried out.
    let calibration = try calibration(noise: noise, pairCount: 120)
    let needed = calibration.entries[0].pairsForFivePercent
    var (found, alarms) = (0, 0)
    for trial in 0..<40 {
      let seed = UInt64(10 + 4 * trial)
      let first = BootRows.rows(iops: BootRows.rates(needed, level: 1000, noise: noise, seed: seed))
      for (slowdown, isFound) in [(1 / 1.05, true), (1.0, false)] {
        let second = BootRows.rows(
          iops: BootRows.rates(needed, level: 1000 * slowdown, noise: noise, seed: seed + 1))
        let comparison = try Comparison(
          Comparison.Request(
            titleA: "", titleB: "", bootsA: BootRows.boots(first), bootsB: BootRows.boots(second),
            metrics: [.iops], isPaired: true, calibrations: [calibration]))
        #expect(comparison.metrics[0].floor.source == .calibrated)
        let isAlarm = comparison.metrics[0].verdict == .regressed
        if isFound, isAlarm { found += 1 }
        if !isFound, isAlarm { alarms += 1 }
      }
    }
    #expect(found >= 36, "\(found) of 40 found")
    #expect(alarms <= 1, "\(alarms) of 40 false")
  }

  @Test("a calibration of a host too noisy for 5 % is unusable, says why, and gives no floor")
  func unusable() throws {
    var calibration = try calibration(noise: 0.3)
    calibration.doctor = ["load: load average 12"]
    #expect(calibration.entries[0].usable == false)
    #expect(try calibration.text(.table).contains("UNUSABLE: the host is too noisy for iops"))
    #expect(try calibration.text(.table).contains("load average 12"))
    // A file of an earlier version does not say so itself.
    var earlier = calibration
    earlier.entries[0].usable = nil
    for calibration in [calibration, earlier] {
      let rates = BootRows.rates(20, level: 1000, noise: 0.002, seed: 1)
      let comparison = try Comparison(
        Comparison.Request(
          titleA: "", titleB: "", bootsA: BootRows.boots(BootRows.rows(iops: rates)),
          bootsB: BootRows.boots(BootRows.rows(iops: rates.map { $0 / 1.2 })), metrics: [.iops],
          isPaired: false,
          calibrations: [calibration]))
      #expect(comparison.metrics[0].floor.source == .standard)
      #expect(comparison.metrics[0].verdict == .regressed)
      #expect(comparison.notes.contains { $0.contains("UNUSABLE") && $0.contains("calibration of 2026") })
    }
  }

  @Test("nothing within a floor that was capped is called unchanged")
  func cappedFloor() throws {
    let floor = NoiseFloor(metric: .iops, standardError: 0.1)
    #expect(floor.source == .capped)
    #expect(floor.relative == NoiseFloor.mostRelative)
    let values = BootRows.rates(20, level: 1000, noise: 0.002, seed: 1)
    var comparison = try #require(
      MetricComparison(
        configuration: "", metric: .iops, samples: .independent(first: values, second: values), floor: floor))
    comparison.judge(adjustedPValue: 1, smallestAdjustedPValue: 0.001)
    #expect(comparison.verdict == .inconclusive)
  }

  @Test("a metric that was 0 in a boot has no calibration")
  func zeros() throws {
    let boot = try #require(BootRows.boots(BootRows.rows(iops: [1])).first)
    let zeros = [SampleSet.Pair(first: 0, second: 1)]
    #expect(Calibration.Entry(configuration: boot.configuration, metric: .iops, pairs: zeros) == nil)
  }

  @Test("calibrations are stored by host, and a damaged one is refused")
  func store() throws {
    let folder = try TemporaryFolder()
    let store = CalibrationStore(folder: folder.file("cache"))
    let host = HostIdentity(RunFixture.host)
    #expect(try store.calibrations(of: host).isEmpty)
    let calibration = try calibration(noise: 0.02)
    let path = try store.save(calibration)
    #expect(path.hasSuffix("/svm-imaginary-x-9000-6-1-0.0123.json"))
    #expect(try store.calibrations(of: host) == [calibration])
    var other = host
    other.kernel = "6.2"
    #expect(try store.calibrations(of: other).isEmpty)
    try Data("{}".utf8).write(to: URL(filePath: path))
    #expect(throws: BenchFailure.self) { try store.calibrations(of: host) }
  }

  @Test("the report names the pairs that 5 % need, in every format")
  func report() throws {
    let calibration = try calibration(noise: 0.02)
    let count = calibration.entries[0].pairsForFivePercent
    #expect(try calibration.text(.table).contains("pairs for 5 %"))
    #expect(try calibration.text(.markdown).contains("| \(count) |"))
    #expect(
      try JSONDecoder().decode(Calibration.self, from: Data(calibration.text(.json).utf8)) == calibration)
  }
}
