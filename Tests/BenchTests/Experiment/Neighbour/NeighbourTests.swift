import ArgumentParser
import Foundation
import HostSystem
import Hypervisor
import Testing
import VextProtocol

@testable import Bench

/// `bench neighbour` without a guest: its options, its competitors, and what it reports.
@Suite struct NeighbourTests {
  private static func boot(_ competitor: Competitor, _ repetition: Int, nanoseconds: UInt64)
    -> NeighbourRun.Boot
  {
    let latency = LatencyDistribution(
      entries: [.init(nanoseconds: nanoseconds, count: 1000)], sumNanoseconds: Double(nanoseconds) * 1000,
      maxNanoseconds: Double(nanoseconds))
    return NeighbourRun.Boot(
      competitor: competitor, repetition: repetition, iops: 1000, latency: LatencySummary(latency), errors: 0,
      competitorIOPS: competitor == .none ? 0 : 500)
  }

  @Test func `a competitor's ratio is that of the percentiles of one repetition`() {
    var report = NeighbourReport()
    for (competitor, repetition, time) in [
      (Competitor.fair, 1, 10_000), (.fair, 2, 20_000), (.largeReads, 1, 15_000), (.largeReads, 2, 50_000),
      (.fullQueues, 3, 10_000),
    ] as [(Competitor, Int, UInt64)] {
      report.add(Self.boot(competitor, repetition, nanoseconds: time))
    }
    let ratios = report.ratios(.largeReads)
    #expect(ratios.count == 2)
    #expect(zip(ratios, [1.5, 2.5]).allSatisfy { abs($0 - $1) < 0.02 })
    #expect(report.ratios(.fullQueues).isEmpty)
    let lines = report.text.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[2].hasPrefix("large-reads") && lines[2].hasSuffix("2.00 (1.50 to 2.50)"))
    #expect(lines[3].hasSuffix("-"))
  }

  @Test func `a row has a field for each column`() throws {
    let command = try NeighbourCommand.parse(["--engine", "sync", "--mode", "vext-adaptive", "--seed", "7"])
    let line = NeighbourReport.line(
      Self.boot(.zeroedRanges, 2, nanoseconds: 5_000),
      identity: RunIdentity.new(revision: try .capture()), configuration: try command.guestConfiguration(),
      mode: command.mode, kernel: "6.1")
    let fields = line.split(separator: ",", omittingEmptySubsequences: false)
    #expect(fields.count == NeighbourReport.columns.count)
    #expect(fields[4...9] == ["vext-adaptive", "sync", "true", "7", "2", "zeroed-ranges"])
  }

  @Test(arguments: [
    ["--mode", "vext-service"], ["--engine", "memory"], ["--repeat", "0"], ["--competitor-size", "5"],
    ["--mode", "vext,virtio-blk"],
  ])
  func `what cannot be measured is refused`(options: [String]) {
    #expect(throws: (any Error).self) { try NeighbourCommand.parse(options) }
  }

  @Test(arguments: Competitor.allCases.filter { $0 != .none })
  func `a competitor keeps an I/O thread busy, and ends with its requests`(competitor: Competitor) throws {
    let path = NSTemporaryDirectory() + "neighbour-\(UUID().uuidString)"
    #expect(FileManager.default.createFile(atPath: path, contents: Data(count: 32 << 20)))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let thread = try IOThread(name: "neighbour", cpus: nil, waiting: .polling, engine: .libaio)
    defer { thread.stop() }
    let machine = try CompetitorMachine(
      competitor, disk: try DiskImage(path: path, readOnly: false, direct: false, formats: .raw),
      group: try IOThreadGroup([thread], rebalances: false), seed: 1)
    let deadline = HostClock.monotonicNanoseconds() + 20_000_000_000
    while machine.answerCount < 200, HostClock.monotonicNanoseconds() < deadline {
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    #expect(machine.answerCount >= 200)
    try machine.end()
  }

  @Test func `requests are as large as the disk allows, and many enough`() {
    #expect(Competitor.largeReads.requestByteCount(diskByteCount: 2 << 30) * 128 == 2 << 30)
    #expect(Competitor.zeroedRanges.requestByteCount(diskByteCount: 1 << 20) == 1 << 20)
    #expect(Competitor.zeroedRanges.iodepth == 16)
    #expect(Competitor.fullQueues.queueCount == 128)
    let entry = Competitor.zeroedRanges.entry(id: 3, offset: 4096, byteCount: 8192, buffer: GuestAddress(0))
    #expect(entry.length == 8192 && entry.segment0.byteCount == 0)
  }
}
