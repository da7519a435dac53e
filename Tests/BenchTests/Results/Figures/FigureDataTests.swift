import Hypervisor
import Testing

@testable import Bench

/// What figures show, as data.
struct FigureDataTests {
  private func drawing(_ kind: FigureKind, _ rows: [RunRecord]) throws -> Drawing {
    try #require(kind.drawing(of: FigureFixture.runs(rows)))
  }

  private func isClose(_ left: [Double], _ right: [Double]) -> Bool {
    left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) < 1e-9 }
  }

  @Test("a bar is the median of the boots, its whiskers the smallest and the largest")
  func medians() throws {
    let rows =
      FigureFixture.boots(.vext, iops: [100, 300, 250]) + FigureFixture.boots(.virtioBlock, iops: [10, 20])
    let drawing = try drawing(.throughput, rows)
    #expect(drawing.blocks.map(\.title) == ["virtio-blk", "vext"])
    #expect(drawing.blocks.map(\.columns)[0] == ["x", "median requests/s", "min", "max", "boots"])
    #expect(drawing.blocks[0].rows.map { Array($0.values.dropFirst()) } == [[15, 10, 20, 2]])
    #expect(drawing.blocks[1].rows.map { Array($0.values.dropFirst()) } == [[250, 100, 300, 3]])
    #expect(drawing.data.contains("\t250\t100\t300\t3\trandread 4k\n"))
  }

  @Test("workloads stand in a fixed order, and one that a path lacks leaves a gap")
  func workloads() throws {
    let rows =
      FigureFixture.boots(.vext, iops: [1]) { $0.rw = "write" }
      + FigureFixture.boots(.vext, iops: [2]) { $0.blockBytes = 65536 }
      + FigureFixture.boots(.vext, iops: [3]) + FigureFixture.boots(.virtioBlock, iops: [4])
    let drawing = try drawing(.throughput, rows)
    #expect(drawing.panels[0].xTics?.map(\.name) == ["randread 4k", "randread 64k", "write 4k"])
    #expect(drawing.blocks[0].rows.map(\.name) == ["randread 4k"])
    #expect(drawing.blocks[1].rows.map { $0.values[1] } == [3, 2, 1])
    let places = drawing.blocks.flatMap { $0.rows.map { $0.values[0] } }
    #expect(isClose(places, [-0.205, 0.205, 1.205, 2.205]))
  }

  @Test("several guests' rates are summed")
  func severalGuests() throws {
    let drawing = try drawing(.throughput, FigureFixture.boot(.vext, iops: 900, guests: 3))
    #expect(drawing.blocks[0].rows[0].values[1] == 900)
  }

  @Test("a stack's parts are those of the middle boots, and add up to the median of the whole")
  func stacks() {
    let odd = Stack([[5, 5], [1, 2], [4, 0]])
    #expect(odd.parts == [4, 0])
    #expect([odd.total, odd.minimum, odd.maximum] == [4, 3, 10])
    let even = Stack([[1, 1], [9, 9], [0, 6], [4, 0]])
    #expect(even.parts == [2, 3])
    #expect(even.total == 5)
    #expect(even.parts.reduce(0, +) == even.total)
    #expect(even.bootCount == 4)
  }

  @Test("vmexits are stacked by reason, what no reason covers is other, and the layers add up to all")
  func exits() throws {
    // Of 1,000 requests: 1,500 exits, 10 of them io, 990 mmio, 200 hlt, 250 irq.
    let drawing = try drawing(.vmexits, FigureFixture.boots(.vext, iops: [1]))
    let layers = drawing.blocks.dropLast()
    #expect(layers.map(\.title) == ["io", "mmio", "hlt", "hypercall", "irq (host's)", "other"])
    #expect(isClose(layers.map { $0.rows[0].values[3] }, [0.01, 0.99, 0.2, 0, 0.25, 0.05]))
    #expect(isClose(layers.map { $0.rows[0].values[1] }, [0, 0.01, 1, 1.2, 1.2, 1.45]))
    let all = try #require(drawing.blocks.last?.rows.first?.values)
    #expect(isClose(all, [0, 1.5, 1.5, 1.5, 1]))
    #expect(abs(layers.reduce(0) { $0 + $1.rows[0].values[3] } - all[1]) < 1e-12)
  }

  @Test("exits that KVM counted under two reasons make the whole larger, and other never negative")
  func overlap() throws {
    let rows = FigureFixture.boots(.vext, iops: [1]) { $0.vmexits = 1000 }
    let boot = try FigureFixture.runs(rows).boots[0]
    #expect(boot.exits[.other] == 0)
    #expect(abs(boot.vmexitsPerIO - 1.45) < 1e-12)
    #expect(abs(boot.exits.values.reduce(0, +) - boot.vmexitsPerIO) < 1e-12)
  }

  @Test("exits and CPU times of a Linux guest belong to the requests within the window")
  func linuxGuest() throws {
    let rows = FigureFixture.boots(.virtioBlock, iops: [1]) {
      $0.guest = .linux
      $0.vmexitsPerIO = 3
    }
    let boot = try FigureFixture.runs(rows).boots[0]
    #expect(abs(boot.vmexitsPerIO - 3) < 1e-9)
    #expect(abs(boot.ioThreadMicrosecondsPerIO - 1000) < 1e-6)
  }

  @Test("the CPU cost is that of the I/O threads and of all vCPUs, in microseconds per request")
  func cpuCost() throws {
    let drawing = try drawing(.cpuCost, FigureFixture.boot(.vext, iops: 1, guests: 2))
    #expect(isClose(drawing.blocks.map { $0.rows[0].values.last ?? 0 }.dropLast(), [500, 750]))
    #expect(isClose(Array(drawing.blocks[2].rows[0].values.prefix(2)), [0, 1250]))
  }

  @Test("a latency curve is made of all guests' histograms")
  func latencyCurve() throws {
    let (fast, slow) = (
      NanosecondHistogram(
        LatencyDistribution(
          entries: [.init(nanoseconds: 100, count: 3)], sumNanoseconds: 0, maxNanoseconds: 0)),
      NanosecondHistogram(
        LatencyDistribution(
          entries: [.init(nanoseconds: 900, count: 1)], sumNanoseconds: 0, maxNanoseconds: 0))
    )
    let curve = try #require(LatencyCurve([slow, fast]))
    #expect([0, 0.5, 0.75, 0.76, 1].map(curve.nanoseconds) == [100, 100, 100, 900, 900])
    #expect(LatencyCurve([]) == nil)
    var damaged = fast
    damaged.counts = []
    #expect(LatencyCurve([damaged]) == nil)
    damaged.counts = [.max]
    #expect(LatencyCurve([damaged, damaged]) == nil)
  }

  @Test(
    "at each share of the requests stands the median of the boots, and the band is as wide as they differ")
  func latencyFigure() throws {
    let drawing = try drawing(.latency, FigureFixture.boots(.vext, iops: [1, 1, 1]))
    let tailTitle = "vext, by the share of requests that took longer"
    #expect(
      drawing.blocks.map(\.title) == ["vext", "vext, all boots", tailTitle, "\(tailTitle), all boots"])
    let half = try #require(drawing.blocks[0].rows.first { $0.values[0] == 0.5 })
    #expect(zip(half.values.dropFirst(), [2, 1, 3, 3]).allSatisfy { abs($0 - $1) < 0.01 })
    let tail = try #require(drawing.blocks[0].rows.first { $0.values[0] == 0.99 })
    #expect(zip(tail.values.dropFirst(), [20, 10, 30, 3]).allSatisfy { abs($0 - $1) < 0.1 })
    #expect(drawing.blocks[1].rows.count == 2 * drawing.blocks[0].rows.count)
  }

  @Test(
    "the tail ends where most boots have fewer than ten requests left, and has an axis of percentiles")
  func latencyTail() throws {
    let drawing = try drawing(.latency, FigureFixture.boots(.vext, iops: [1, 1, 1]))
    // Of 10,000 requests, ten took longer than at p99.9.
    let last = try #require(drawing.blocks[2].rows.last)
    #expect(abs(last.values[0] - 0.001) < 1e-12)
    #expect(zip(last.values.dropFirst(), [20, 10, 30, 3]).allSatisfy { abs($0 - $1) < 0.1 })
    let panel = try #require(drawing.panels.last)
    #expect(drawing.panels.count == 2)
    #expect(panel.yTics?.map(\.name) == ["p90", "p99", "p99.9"])
    #expect(panel.yStart == 0.1 && panel.isLogarithmicY)
    #expect(LatencyTail.percentile(0.00001) == "p99.999")
  }

  @Test("a boot that was stopped does not take the tail of the others away")
  func stoppedBoot() throws {
    let histogram = { (row: RunRecord) in
      NanosecondHistogram(
        LatencyDistribution(
          entries: [.init(nanoseconds: 1000, count: row.repetition == 1 ? 5 : 10_000)], sumNanoseconds: 0,
          maxNanoseconds: 0))
    }
    let runs = try FigureFixture.runs(FigureFixture.boots(.vext, iops: [1, 1, 1]), histogram: histogram)
    let last = try #require(LatencyTail.block("vext", runs.boots).rows.last)
    #expect(last.values.first == 0.001 && last.values.last == 2)
  }

  @Test("a boot with too few requests has a distribution and no tail")
  func noTail() throws {
    let few = { (_: RunRecord) in
      NanosecondHistogram(
        LatencyDistribution(
          entries: [.init(nanoseconds: 1000, count: 5)], sumNanoseconds: 0, maxNanoseconds: 0))
    }
    let runs = try FigureFixture.runs(FigureFixture.boots(.vext, iops: [1]), histogram: few)
    let drawing = try #require(FigureKind.latency.drawing(of: runs))
    #expect(drawing.panels.count == 1)
    #expect(drawing.blocks.count == 2)
    #expect(PathComparison.all(of: runs.boots).compactMap { TailFigure($0) }.isEmpty)
  }

  @Test("more than six paths get a panel each, all with the same axes and the others in grey")
  func smallMultiples() throws {
    for kind in [FigureKind.throughput, .latency, .depth, .guests] {
      let drawing = try drawing(kind, FigureFixture.everything)
      let paths = DataPathMode.allCases.count
      #expect(drawing.panels.count == paths, "\(kind)")
      #expect(Set(drawing.panels.map(\.title)).count == paths)
      #expect(
        Set(drawing.panels.map { "\($0.xRange as Any) \($0.yStart as Any) \($0.yEnd as Any)" }).count == 1)
      #expect(drawing.legend.isEmpty)
      let last = drawing.panels.last
      #expect((last?.plots.count { $0.contains("#c0c0c0") } ?? 0) >= paths - 1)
    }
    let few = try drawing(
      .depth, FigureFixture.everything.filter { $0.mode == .vext || $0.mode == .virtioBlock })
    #expect(few.panels.count == 2)
  }

  @Test("names below many bars are turned, and those of few lie")
  func turnedNames() throws {
    for kind in [FigureKind.vmexits, .cpuCost] {
      let many = try drawing(kind, DataPathMode.allCases.flatMap { FigureFixture.boots($0, iops: [1]) })
      #expect(many.panels[0].ticAngle == 30 && many.script.contains("set xtics rotate by 30 right"))
      #expect(try drawing(kind, FigureFixture.boots(.vext, iops: [1])).panels[0].ticAngle == 0)
    }
  }

  @Test("layers of a stack differ by hatching, whatever their colour")
  func hatching() throws {
    for kind in [FigureKind.vmexits, .cpuCost] {
      let plots = try drawing(kind, FigureFixture.boots(.vext, iops: [1])).panels[0].plots
      let layers = plots.filter { $0.contains("boxxyerror") }
      #expect(
        layers.count >= 2
          && Set(layers.compactMap { $0.firstMatch(of: #/fs pattern (\d)/#)?.1 }).count == layers.count)
    }
  }

  @Test("on a logarithmic axis stand dots, since a bar's length would mean nothing")
  func dots() throws {
    let drawing = try drawing(
      .throughput, FigureFixture.boots(.vext, iops: [1000]) + FigureFixture.boots(.virtioBlock, iops: [1]))
    #expect(drawing.panels[0].isLogarithmicY)
    #expect(drawing.panels[0].plots.allSatisfy { $0.contains("with yerrorbars") })
  }

  @Test("guests that are all busy and guests of which one is are lines of their own; one alone is on both")
  func guests() throws {
    let rows =
      FigureFixture.boot(.vext, iops: 100) + FigureFixture.boot(.vext, iops: 400, guests: 4)
      + FigureFixture.boot(.vext, iops: 90, guests: 4, busy: 1)
    let drawing = try drawing(.guests, rows)
    #expect(drawing.blocks.map(\.title) == ["vext, all busy", "vext, 1 busy"])
    #expect(drawing.blocks.map { $0.rows.map { $0.values[0] } } == [[1, 4], [1, 4]])
    #expect(drawing.blocks.map { $0.rows.map { $0.values[1] } } == [[100, 400], [100, 90]])
  }

  @Test("guests are counted per I/O thread")
  func guestsPerThread() throws {
    let rows = [2, 8].flatMap { guests in
      FigureFixture.boot(.vext, iops: 100, guests: guests) { $0.ioThreads = 2 }
    }
    #expect(try drawing(.guests, rows).blocks[0].rows.map { $0.values[0] } == [1, 4])
  }

  @Test("against the depth stand rates and latencies, in panels of their own")
  func depth() throws {
    let rows = [1, 8].flatMap { depth in
      FigureFixture.boots(.vext, iops: [Double(depth) * 10]) {
        $0.iodepth = depth
        $0.latencyP50Microseconds = Double(depth) + 0.5
      }
    }
    let drawing = try drawing(.depth, rows)
    #expect(drawing.panels.count == 2)
    #expect(drawing.blocks.map(\.title) == ["vext, iops", "vext, latency_p50_us"])
    #expect(drawing.blocks.map { $0.rows.map { $0.values[1] } } == [[10, 80], [1.5, 8.5]])
  }
}
