import Testing

@testable import Bench

struct RunTableTests {
  @Test("several modes stand side by side, with the spread over the boots and the ratio to the first")
  func golden() throws {
    let boots = try [
      RunFixture.boot(.virtioBlock, repetition: 1, iops: 10_000),
      RunFixture.boot(.vext, repetition: 1, iops: 100_000),
      RunFixture.boot(.vext, repetition: 2, iops: 130_000),
      RunFixture.boot(.virtioBlock, repetition: 2, iops: 12_000),
      RunFixture.boot(.virtioBlock, repetition: 3, iops: 11_000),
      RunFixture.boot(.vext, repetition: 3, iops: 1_100_000),
    ].compactMap { $0 }
    let table = RunTable(boots: boots, paths: [DataPath(.virtioBlock), DataPath(.vext)]).text()
    #expect(
      table == """
                                                       virtio-blk                         vext
        ------------------------------ -------------------------- ----------------------------
        IOPS                              11,000 (10,000..12,000) 130,000 (100,000..1,100,000)
        MiB/s                                   43.0 (39.1..46.9)       507.8 (390.6..4,296.9)
        latency p50, us                      10.00 (10.00..10.00)         10.00 (10.00..10.00)
        latency p99, us                      10.00 (10.00..10.00)         10.00 (10.00..10.00)
        vmexits per I/O                1.50000 (1.50000..1.50000)   1.50000 (1.50000..1.50000)
        I/O vmexits per I/O            1.25000 (1.25000..1.25000)   1.25000 (1.25000..1.25000)
        CPU of the I/O threads, s/s          1.000 (1.000..1.000)         1.000 (1.000..1.000)
        CPU (I/O threads + vCPUs), s/s          2.50 (2.50..2.50)            2.50 (2.50..2.50)
        IOPS relative to virtio-blk             1.00 (1.00..1.00)        10.83 (10.00..100.00)
        """ + "\n")
  }

  @Test("exits beyond those of a guest without I/O are shown where they were measured")
  func baselines() throws {
    let boot = try #require(
      BootSummary(
        cell: RunCell(index: 0, mode: .vext, fileSystem: .fuseVext, repetition: 1, seed: 1),
        measurements: [RunFixture.linuxMeasurement()]))
    // 1,250 exits of the I/O path for 1,000 requests in half a second; idle makes 500 of them, computing 1,200.
    #expect(boot.ioVMExitsPerIOBeyondIdle == 0.75)
    #expect(boot.ioVMExitsPerIOBeyondComputing.map { abs($0 - 0.05) < 1e-9 } == true)
    let table = RunTable(boots: [boot], paths: [DataPath(.vext, .fuseVext)]).text()
    #expect(table.contains("vext/fuse-vext"))
    #expect(table.contains("  beyond an idle guest's"))
    #expect(table.contains("0.75000"))
    #expect(table.contains("0.05000"))
  }

  @Test("a single mode and boot shows plain numbers, and no ratio")
  func single() throws {
    let boots = try [RunFixture.boot(.vext, repetition: 1, iops: 2000)].compactMap { $0 }
    let table = RunTable(boots: boots, paths: [DataPath(.vext)]).text()
    #expect(table.contains("IOPS                             2,000\n"))
    #expect(!table.contains("relative"))
    #expect(!table.contains(".."))
    #expect(!table.contains(" \n"))
  }

  @Test("a mode whose boots did not take place is left out")
  func interrupted() throws {
    let boots = try [RunFixture.boot(.vext, repetition: 1, iops: 2000)].compactMap { $0 }
    #expect(
      !RunTable(boots: boots, paths: [DataPath(.virtioBlock), DataPath(.vext)]).text().contains("virtio-blk"))
    #expect(RunTable(boots: [], paths: [DataPath(.vext)]).text() == "all boots failed\n")
  }

  @Test("the guests of a boot are summed, and their latencies merged")
  func guests() throws {
    var slow = RunFixture.measurement(guest: 1, iops: 1000)
    var latency = TickLatencies(tscKHz: 1_000_000)
    latency.add(values: [UInt64](repeating: 30_000, count: 1000))
    slow.latency = LatencyDistribution(latency)
    let boot = try #require(
      BootSummary(cell: RunFixture.cell, measurements: [RunFixture.measurement(), slow]))
    #expect(boot.iops == 3000)
    #expect(boot.bandwidthMiBPerSecond == 3000.0 * 4096 / 1_048_576)
    #expect(boot.latency?.mean == 20_000)
    #expect(boot.vmexitsPerIO == 1.5)
    #expect(boot.ioVMExitsPerIO == 1.25)
    #expect(boot.cpuLoad == 5)
    #expect(BootSummary(cell: RunFixture.cell, measurements: []) == nil)
  }

  @Test(
    "numbers are grouped by thousands",
    arguments: [
      (0, 0, "0"), (999, 0, "999"), (1000, 0, "1,000"), (1_234_567.891, 2, "1,234,567.89"),
      (-1234, 0, "-1,234"),
      (-123, 0, "-123"), (0.00012, 5, "0.00012"),
    ] as [(Double, Int, String)])
  func grouping(value: Double, digits: Int, text: String) {
    #expect(NumberText.decimal(value, digits: digits) == text)
  }

  @Test("failed requests and wrong blocks are shown if there are any")
  func failures() throws {
    var measurement = RunFixture.measurement()
    measurement.errors = 3
    measurement.verifiedBlocks = 500
    measurement.verifyErrors = 2
    let boot = try #require(BootSummary(cell: RunFixture.cell, measurements: [measurement]))
    let table = RunTable(boots: [boot], paths: [DataPath(.vext)]).text()
    #expect(table.contains("failed requests"))
    #expect(table.contains("I/O blocks verified wrong"))
  }

  @Test("the footnotes say how far the results can be trusted")
  func footnotes() throws {
    var context = RunFixture.context
    let one = try [RunFixture.boot(.vext, repetition: 1, iops: 1)].compactMap { $0 }
    #expect(
      Footnotes.lines(context: context, boots: one, nativeRoundTrips: []) == [
        "one boot per column: the spread is unknown; --repeat 5 shows it",
        "host: Imaginary \"X\", 9000, 4 CPUs, 1 NUMA node(s), Linux 6.1.0, KVM: svm",
      ])
    context.host.kvmBackend = .tcg
    context.host.isTimingValid = false
    context.placement.oversubscribed = true
    let two = try one + [RunFixture.boot(.vext, repetition: 2, iops: 1)].compactMap { $0 }
    let notes = Footnotes.lines(context: context, boots: two, nativeRoundTrips: [100, 120, 140])
    #expect(notes.first?.hasPrefix("vext polls all the time, here on CPUs that other threads need") == true)
    #expect(notes.dropFirst().first?.hasPrefix("median of 2 boots per column") == true)
    #expect(notes.contains("times on this host (tcg) mean nothing in absolute terms; counts do"))
    #expect(notes.contains { $0.hasPrefix("too few cores") })
    #expect(notes.contains { $0.contains("120 ns (100..140)") && $0.contains("10000 ns, 83.33 times") })
  }

  @Test("where threads share CPUs, the default modes have vext-adaptive in place of vext, and a note says so")
  func sharedCPUs() throws {
    var context = RunFixture.context
    context.placement.oversubscribed = true
    context.configuration.giveUpSharedCPUs()
    #expect(context.configuration.modes == [.virtioBlock, .vextAdaptive])
    let boots = try [RunFixture.boot(.vextAdaptive, repetition: 1, iops: 1)].compactMap { $0 }
    let notes = Footnotes.lines(context: context, boots: boots, nativeRoundTrips: [])
    #expect(notes.first?.hasPrefix("one boot per column") == true)
    #expect(notes.contains { $0.hasPrefix("modes: vext-adaptive in place of vext") })
    var chosen = RunFixture.configuration
    chosen.modes = [.virtioBlock]
    chosen.giveUpSharedCPUs()
    #expect(chosen.modeReason == nil)
  }

  @Test("progress says which boot it is and how long it will take")
  func progress() {
    let plan = RunPlan(paths: [DataPath(.vext)], repetitionCount: 3, seed: 1)
    var configuration = RunFixture.configuration
    #expect(
      ProgressReporter.status(of: plan.cells[1], plan: plan, configuration: configuration)
        == "[2/3] vext, repetition 2 of 3, about 6 s left")
    configuration.runtime = nil
    #expect(
      ProgressReporter.status(of: plan.cells[1], plan: plan, configuration: configuration)
        == "[2/3] vext, repetition 2 of 3")
  }
}
