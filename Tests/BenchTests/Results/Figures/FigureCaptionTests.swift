import Testing

@testable import Bench

struct FigureCaptionTests {
  private func captions(_ rows: [RunRecord]) throws -> [FigureKind: String] {
    let figures = try FigureSet(FigureFixture.runs(rows))
    return Dictionary(
      uniqueKeysWithValues: figures.drawings.map { ($0.kind, $0.caption.joined(separator: "\n")) })
  }

  @Test("every caption names the host, the KVM back end, the repetitions, and that it is a reconstruction")
  func identity() throws {
    let figures = try FigureSet(FigureFixture.runs(FigureFixture.everything))
    for drawing in figures.drawings {
      let caption = drawing.caption.joined(separator: "\n")
      #expect(drawing.title.hasSuffix("(reconstruction)"))
      #expect(caption.hasPrefix("Reconstruction: "))
      #expect(
        caption.contains("Host: Imaginary \"X\", 9000, Linux 6.1.0, 1 NUMA node(s). KVM back end: svm."))
      #expect(caption.contains("repetitions of each"))
      #expect(caption.contains("revision 0123456789ab-dirty"))
      #expect(drawing.script.contains("Reconstruction: "))
      #expect(drawing.data.contains("# Reconstruction: "))
    }
  }

  @Test("the number of repetitions is that of each point")
  func repetitions() throws {
    let even = try captions(
      FigureFixture.boots(.vext, iops: [1, 2, 3]) + FigureFixture.boots(.virtioBlock, iops: [1, 2, 3]))
    #expect(even[.throughput]?.contains("3 repetitions of each") == true)
    let uneven = try captions(
      FigureFixture.boots(.vext, iops: [1, 2, 3]) + FigureFixture.boots(.virtioBlock, iops: [1]))
    #expect(uneven[.throughput]?.contains("1 to 3 repetitions of each") == true)
    #expect(
      try captions(FigureFixture.boots(.vext, iops: [1]))[.throughput]?.contains("1 repetition of each")
        == true)
  }

  @Test("the caption says what all boots have in common, and not what the figure shows")
  func common() throws {
    let caption = try #require(try captions(FigureFixture.boots(.vext, iops: [1]))[.throughput])
    #expect(
      caption.contains("Common to all: micro guest, iodepth 4, 1 guest(s), 2 worker(s) each, 1 I/O thread(s)")
    )
    #expect(!caption.contains("randread"))
    #expect(
      try captions(FigureFixture.boots(.vext, iops: [1]))[.vmexits]?.contains("randread, blocks of 4k")
        == true)
  }

  @Test("where times mean nothing, all captions say so but that of the exits")
  func invalidTimes() throws {
    let captions = try captions(
      FigureFixture.everything.map { row in
        var row = row
        row.isTimingValid = false
        return row
      })
    for kind in FigureKind.allCases {
      #expect(captions[kind]?.contains("TIMES MEAN NOTHING") == (kind != .vmexits))
    }
    #expect(try self.captions(FigureFixture.everything)[.throughput]?.contains("TIMES MEAN NOTHING") == false)
  }

  @Test("boots whose threads shared CPUs are counted")
  func oversubscribed() throws {
    let caption = try captions(
      FigureFixture.boots(.vext, iops: [1])
        + FigureFixture.boots(.virtioBlock, iops: [1]) { $0.isOversubscribed = true })
    #expect(caption[.throughput]?.contains("in 1 of 2 boots") == true)
  }

  @Test("captions are wrapped at words, and a long word stands alone")
  func wrapping() {
    #expect(GnuplotText.wrapped(["a bb ccc", "", "dddddd e"], width: 4) == ["a bb", "ccc", "dddddd", "e"])
  }
}
