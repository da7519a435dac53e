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
        isPaired: isPaired, isForced: isForced, calibrations: calibrations))
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
    #expect(comparison.notes.contains { $0.contains("3 boots a side are too few for 1 test(s)") })
    let constant = try compare(BootRows.rows(iops: [10, 10]), BootRows.rows(iops: [10, 10]))
    #expect(constant.metrics[0].verdict == .inconclusive)
  }

  @Test("metrics that are zero on both sides are unchanged, by the absolute floor")
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

  /// Boots on two hosts, of which the second is ten times as fast, with the second side `factors` times the first.
  private func twoHosts(_ factors: [Double], seed: UInt64, pairs: Int = 8, isBalanced: Bool = true)
    -> [RunRecord]
  {
    ["6.1.0", "6.2.0"].enumerated().flatMap { place, kernel in
      BootRows.rows(
        iops: BootRows.rates(
          pairs, level: (place == 0 ? 1000 : 10_000) * factors[place], noise: 0.002,
          seed: seed + UInt64(place))
      ) {
        $0.hostKernel = kernel
        // Boots of the second host are other repetitions, as those of another shard are.
        $0.repetition += place * pairs
      }
    }
  }

  @Test("of several hosts that both sides have, boots are paired on each, so that a host's own level cancels")
  func hostsAsBlocks() throws {
    let first = twoHosts([1, 1], seed: 1)
    // B has most of its boots on the fast host, and is 5 % slower on each.
    let second = twoHosts([0.95, 0.95], seed: 10).filter { $0.hostKernel == "6.2.0" || $0.repetition <= 3 }
    let comparison = try compare(first, second, metrics: [.iops])
    #expect(comparison.metrics[0].verdict == .regressed)
    #expect(abs((comparison.metrics[0].relativeShift ?? 0) + 0.05) < 0.01)
    #expect(comparison.metrics[0].bootsA == 11 && comparison.metrics[0].isPaired)
    #expect(comparison.hosts.count == 2)
    #expect(comparison.changesByHost.map(\.pairCount) == [3, 8])
    #expect(
      comparison.notes.contains {
        $0.hasPrefix("2 HOSTS, a block each: each pair is two boots of one host")
      })
    #expect(comparison.notes.contains("5 boot(s) without a partner on the same host are left out"))
    let same = try compare(first, twoHosts([1, 1], seed: 30), metrics: [.iops])
    #expect(same.metrics[0].verdict == .unchanged)
  }

  @Test("hosts on which the change has opposite signs leave no verdict, and are named")
  func hostsThatDisagree() throws {
    let comparison = try compare(
      twoHosts([1, 1], seed: 1), twoHosts([1.2, 0.8], seed: 20), metrics: [.iops])
    #expect(comparison.metrics[0].verdict == .inconclusive)
    #expect(comparison.exitCode == 6)
    let note = try #require(comparison.notes.first { $0.hasPrefix("THE HOSTS DISAGREE") })
    #expect(note.contains("Linux 6.1.0") && note.contains("Linux 6.2.0") && note.contains("in 8 pairs"))
    // Nearly the same level on both, with changes that cancel: unchanged would mislead.
    let cancelled = try compare(
      twoHosts([1, 1], seed: 1), twoHosts([1.02, 0.98], seed: 20), metrics: [.iops])
    #expect(cancelled.metrics[0].verdict == .inconclusive)
  }

  @Test("a host that only one side has is refused")
  func loneHost() throws {
    let failure = #expect(throws: BenchFailure.self) {
      try compare(twoHosts([1, 1], seed: 1), twoHosts([1, 1], seed: 2).filter { $0.hostKernel == "6.1.0" })
    }
    #expect(failure?.description.contains("A and B need boots of the same hosts") == true)
  }

  @Test("different configurations are refused, with the column to ignore")
  func configurations() throws {
    let first = BootRows.rows(iops: rates(1000, seed: 1))
    let second = BootRows.rows(iops: rates(1000, seed: 2)) { $0.iodepth = 8 }
    let failure = #expect(throws: BenchFailure.self) { try compare(first, second) }
    #expect(failure?.description.contains("--ignore iodepth") == true)
  }

  @Test("ambiguous pairs are refused, and boots with failed requests are failures of their side")
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
    #expect(comparison.reliability.map(\.verdict) == [.regressed])
    #expect(comparison.exitCode == 2)
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

  @Test("a boot's metrics are those of all its guests, and a boot that lacks one is refused")
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
        row.ioThreadCPUSeconds = 1
        row.vcpuCPUSeconds = 1
        return row
      }
    }
    let boot = try #require(BootRows.boots(rows([0, 1])).first)
    #expect(boot[.iops] == 200)
    #expect(boot[.latencyP99] == 11)
    #expect(boot[.ioVMExitsPerIO] == 1)
    #expect(boot[.iopsPerCPUSecond] == 500)
    for guests in [[0], [1], [0, 0], [0, 1, 1]] {
      let failure = #expect(throws: BenchFailure.self) { try BootRows.boots(rows(guests)) }
      #expect(failure?.description.contains(":2: a boot of 2 guest(s)") == true)
    }
  }

  @Test("the exit code is not success if nothing was compared")
  func nothingCompared() throws {
    let first = BootRows.rows(iops: rates(1000, seed: 1))
    let second = BootRows.rows(iops: rates(1000, seed: 2)) { $0.repetition += 100 }
    let comparison = try compare(first, second, isPaired: true)
    #expect(comparison.metrics.isEmpty)
    #expect(comparison.notCompared == ["vext iops"])
    #expect(comparison.exitCode == 6)
    #expect(comparison.summary == "verdict: nothing was compared")
    #expect(comparison.notes.contains { $0.hasPrefix("NO PAIR: ") })
    // One configuration of two without a pair is no success either.
    func both(_ offset: Int) -> [RunRecord] {
      [1, 8].flatMap { depth in
        BootRows.rows(iops: rates(1000, noise: 0.001, seed: 1)) { row in
          row.iodepth = depth
          if depth == 8 { row.repetition += offset }
        }
      }
    }
    let partly = try compare(both(0), both(100), isPaired: true)
    #expect(partly.metrics.map(\.verdict) == [.unchanged])
    #expect(partly.exitCode == 6)
  }

  @Test("a side whose boots fail is worse, not smaller")
  func reliability() throws {
    let rows = BootRows.rows(iops: rates(1000, noise: 0.001, seed: 1))
    let half = BootRows.rows(iops: rates(1000, noise: 0.001, seed: 1)) {
      $0.errors = $0.repetition % 2 == 0 ? 1 : 0
    }
    let comparison = try compare(rows, half)
    #expect(comparison.metrics.map(\.verdict) == [.unchanged])
    #expect(comparison.reliability.map(\.failedB) == [10])
    #expect(comparison.exitCode == 2)
    #expect(try comparison.text(.table).contains("reliability regressed in 1 configuration(s)"))
    let all = BootRows.rows(iops: rates(1000, seed: 1)) { $0.verifyErrors = 1 }
    let dead = try compare(rows, all)
    #expect(dead.exitCode == 2)
    #expect(try !dead.text(.table).contains("--ignore"))
    // The same share on both sides is no regression, and fewer in B none either.
    #expect(try compare(half, half).exitCode == 0)
    #expect(try compare(half, rows).reliability.map(\.verdict) == [.improved])
    #expect(try compare(all, all).exitCode == 6)
    // A boot that answered nothing has failed, though nothing counted an error.
    let idle = BootRows.rows(iops: rates(1000, seed: 1)) { $0.ios = $0.repetition == 1 ? 0 : 1000 }
    #expect(try compare(rows, idle).exitCode == 2)
  }

  @Test("boots that left no row count, on a side that has no other too")
  func missingBoots() throws {
    let boots = try BootRows.boots(BootRows.rows(iops: rates(1000, noise: 0.001, seed: 1)))
    var request = Comparison.Request(
      titleA: "", titleB: "", bootsA: boots, bootsB: boots, metrics: [.iops], isPaired: true)
    request.failedBoots = [
      Comparison.FailedBoots(
        cell: "mode=vext", a: Reliability.Count(boots: 20, failed: 0),
        b: Reliability.Count(boots: 22, failed: 2))
    ]
    #expect(try Comparison(request).exitCode == 2)
    request.bootsB = []
    let comparison = try Comparison(request)
    #expect(comparison.metrics.isEmpty)
    #expect(comparison.exitCode == 2)
  }

  @Test(
    "with too few boots for the number of tests, the needed number and tenfold changes are reported"
  )
  func noVerdictPossible() throws {
    func rows(_ factor: Double) -> [RunRecord] {
      (1...12).flatMap { depth in
        BootRows.rows(iops: rates(1000 * factor, seed: UInt64(depth), count: 5)) { $0.iodepth = depth }
      }
    }
    let comparison = try compare(rows(1), rows(0.1), metrics: [.iops, .latencyP50])
    #expect(comparison.exitCode == 6)
    #expect(comparison.metrics.allSatisfy { !$0.isSignificancePossible && $0.hasEnoughBoots })
    // 2 / C(2n, n) times 24 is below 0.05 from n = 7 on.
    #expect(VerdictRequirements.bootsPerSide(tests: 24) == 7)
    let note = try #require(comparison.notes.first { $0.contains("too few for 24 test(s)") })
    #expect(note.contains("7 boots a side are needed"))
    #expect(
      comparison.notes.contains { $0.hasPrefix("LARGE CHANGES WITHOUT A VERDICT") && $0.contains("to 1/") })
    #expect(VerdictRequirements.pairs(tests: 5) == 8)
    #expect(VerdictRequirements.warning(tests: 5, pairs: 7)?.contains("8 pairs are needed") == true)
    #expect(VerdictRequirements.warning(tests: 5, pairs: 8) == nil)
  }

  @Test("boots measured at other times, under other load, or given twice are notes")
  func circumstances() throws {
    func rows(_ time: String, run: String, load: Double) -> [RunRecord] {
      BootRows.rows(iops: rates(1000, seed: 1)) { row in
        row.startedAt = time
        row.runID = run
        row.otherShare = load
      }
    }
    let first = rows("2026-11-01T10:00:00Z", run: "a", load: 0)
    let later = rows("2026-11-02T10:00:00Z", run: "b", load: 0.4)
    let notes = try compare(first, later).notes
    #expect(notes.contains { $0.contains("were not measured at the same time") })
    #expect(notes.contains { $0.contains("the load differs") })
    #expect(try compare(first, first).notes.contains { $0.contains("ARE THE SAME BOOTS") })
    let beside = rows("2026-11-01T10:00:00Z", run: "c", load: 0.01)
    let quiet = try compare(first, beside).notes
    #expect(!quiet.contains { $0.contains("same time") || $0.contains("load") || $0.contains("SAME BOOTS") })
  }

  @Test("boots with marks are named, and left out only with --trusted-only")
  func doubts() throws {
    let first = BootRows.rows(iops: rates(1000, seed: 1))
    let second = BootRows.rows(iops: rates(1000, seed: 2)) { $0.stealShare = $0.repetition <= 8 ? 0.2 : 0 }
    let comparison = try compare(first, second)
    #expect(comparison.metrics[0].bootsB == 20)
    #expect(comparison.notes.contains { $0.contains("steal in 0 of A's and 8 of B's boots") })
    var request = Comparison.Request(
      titleA: "", titleB: "", bootsA: try BootRows.boots(first), bootsB: try BootRows.boots(second),
      metrics: [.iops],
      isPaired: false)
    request.leavesOutDoubtful = true
    #expect(try Comparison(request).metrics[0].bootsB == 12)
  }
}
