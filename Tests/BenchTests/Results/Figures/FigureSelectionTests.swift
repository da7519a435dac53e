import Hypervisor
import Testing

@testable import Bench

/// Which boots make a figure.
struct FigureSelectionTests {
  @Test(
    "boots that differ in more than the figure shows are not mixed: the most telling ones are drawn, the others counted"
  )
  func groups() throws {
    let rows =
      FigureFixture.boots(.vext, iops: [7]) { $0.workers = 4 }
      + FigureFixture.boots(.vext, iops: [1, 2]) + FigureFixture.boots(.virtioBlock, iops: [3])
      + FigureFixture.boots(.vext, iops: [9, 9, 9, 9]) { $0.direct = false }
    let drawing = try #require(FigureKind.throughput.drawing(of: FigureFixture.runs(rows)))
    #expect(drawing.blocks.map { $0.rows[0].values[1] } == [3, 1.5])
    #expect(drawing.otherGroupCount == 2)
  }

  @Test("of configurations that show as much, the one with the smallest load is drawn")
  func smallestLoad() throws {
    let rows = [8, 2, 4].flatMap { depth in
      FigureFixture.boots(.vext, iops: [Double(depth)]) { $0.iodepth = depth }
    }
    let drawing = try #require(FigureKind.throughput.drawing(of: FigureFixture.runs(rows)))
    #expect(drawing.blocks[0].rows[0].values[1] == 2)
  }

  @Test("windows of another length measure the same")
  func windows() throws {
    let rows =
      FigureFixture.boots(.vext, iops: [1])
      + FigureFixture.boots(.vext, iops: [3]) {
        $0.runID = "another"
        $0.runtimeSeconds = 9
        $0.warmupSeconds = 1
        $0.diskBytes = 5 << 20
      }
    let drawing = try #require(FigureKind.throughput.drawing(of: FigureFixture.runs(rows)))
    #expect(drawing.blocks[0].rows[0].values.dropFirst() == [2, 1, 3, 2])
    #expect(drawing.otherGroupCount == 0)
  }

  @Test(
    "virtio-blk-tuned, which takes io_uring for libaio, is drawn beside either",
    arguments: ["libaio", "io_uring"])
  func tunedEngine(engine: String) throws {
    let rows =
      FigureFixture.boots(.virtioBlockTuned, iops: [5])
      + FigureFixture.boots(.vext, iops: [6]) { $0.engine = engine == "libaio" ? .libaio : .ioUring }
    let drawing = try #require(FigureKind.throughput.drawing(of: FigureFixture.runs(rows)))
    #expect(drawing.legend == ["virtio-blk-tuned", "vext"])
  }

  @Test("another hypervisor's rows are a series of their own")
  func peers() throws {
    let rows =
      FigureFixture.boots(.virtioBlock, iops: [5])
      + FigureFixture.boots(.virtioBlock, iops: [6]) { $0.vmm = .qemu }
    let drawing = try #require(FigureKind.throughput.drawing(of: FigureFixture.runs(rows)))
    #expect(drawing.legend == ["virtio-blk", "virtio-blk (qemu)"])
  }

  @Test("figures without data are left out, and a line says what they need")
  func missing() throws {
    let figures = try FigureSet(FigureFixture.runs(FigureFixture.boots(.vext, iops: [1, 2]), histogram: nil))
    #expect(figures.drawings.map(\.kind) == [.throughput, .vmexits, .cpuCost])
    #expect(figures.missing == [.latency, .guests, .depth])
    let lines = figures.summary(folder: "f", isDrawn: true)
    #expect(lines.contains("throughput: f/throughput.{svg,pdf,png,gp,dat}"))
    #expect(lines.contains { $0.hasPrefix("latency: left out, it needs latency histograms: the JSON files") })
    #expect(lines.contains { $0.hasPrefix("depth: left out, it needs boots that differ in --iodepth alone") })
  }

  @Test("rows in which nothing was answered are an error")
  func nothing() throws {
    let failure = #expect(throws: BenchFailure.self) {
      try FigureFixture.runs(
        FigureFixture.boots(.vext, iops: [0]) {
          $0.ios = 0
          $0.iops = 0
        })
    }
    #expect(failure?.exitCode == .dataError)
    #expect(failure?.description == "every boot had failed requests or wrong data, or answered none")
  }

  @Test("every figure can be drawn of rows that have all data, each path in one colour throughout")
  func everything() throws {
    let figures = try FigureSet(FigureFixture.runs(FigureFixture.everything))
    #expect(figures.missing.isEmpty)
    #expect(figures.drawings.map(\.kind) == FigureKind.allCases)
    let colours = Set(try FigureFixture.runs(FigureFixture.everything).boots.map(\.series)).map(\.colour)
    #expect(Set(colours).count == DataPathMode.allCases.count)
  }
}
