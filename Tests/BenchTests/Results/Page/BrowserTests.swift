import Foundation
import Testing

@testable import Bench

/// The page in a real browser. `scripts/install-dependencies --tests`, which scripts/test calls, installs it.
@Suite(
  .serialized,
  .enabled(
    if: Browser.isInstalled && GnuplotTests.isInstalled && CommandRun.find("pdftotext") != nil,
    "chromium, gnuplot or pdftotext is not installed: scripts/install-dependencies --tests"))
struct BrowserTests {
  /// The page of rows that have all data. Made once for all tests.
  private static let page = Result { () throws -> Data in
    let folder = try TemporaryFolder()
    let name = "Imaginary </title><script>document.title = 'run'</script>"
    var host = RunFixture.host
    host.cpuModel = name
    let rows = FigureFixture.everything.map { row in
      var row = row
      row.hostCPU = name
      return row
    }
    try FigureFixture.write(rows, to: folder.path, host: host)
    let outcome = try BenchProgram.run(["report", "--from", ".", "--output", "r.html"], in: folder.path)
    try #require(outcome.exitCode == 0, "\(outcome.errors)")
    return try Data(contentsOf: URL(filePath: folder.file("r.html")))
  }

  /// Puts the page into `folder`, as `r.html`.
  private func makePage(in folder: borrowing TemporaryFolder) throws {
    try Self.page.get().write(to: URL(filePath: folder.file("r.html")))
  }

  @Test("a browser finds six drawn figures, tables and headings, and runs nothing of what hosts are called")
  func content() throws {
    let folder = try TemporaryFolder()
    try makePage(in: folder)
    let page = try Browser.load(folder.file("r.html"))
    #expect(page.matches(of: #/<figure id="figure-/#).count == FigureKind.allCases.count)
    #expect(page.matches(of: #/<svg class="dots"/#).count >= 3)
    #expect(page.matches(of: #/<svg (?!class)/#).count == FigureKind.allCases.count)
    #expect(page.matches(of: #/<h2>/#).count == 9)
    #expect(page.contains("<title>vext: benchmark report</title>"))
    #expect(page.ranges(of: "<script").count == 1)
    // A browser's own serialization: an element that it did not understand as SVG would not be closed like this.
    #expect(page.matches(of: #/<text[^>]*>.*?</text>/#.dotMatchesNewlines()).count > 50)
    let ids = page.matches(of: #/\sid="([^"]*)"/#).map { String($0.1) }
    #expect(Set(ids).count == ids.count)
  }

  /// The page at `path` with another script behind its own, which the policy allows as well.
  private func driven(_ path: String, by script: String, to target: String) throws {
    let page = try String(contentsOfFile: path, encoding: .utf8)
    let policy = HTMLText.escaped(PageScript.policySource)
    try #require(page.contains(policy))
    let free = page.replacing(policy, with: "&#39;unsafe-inline&#39;")
      .replacing("</body>", with: "<script>\(script)</script></body>")
    try Data(free.utf8).write(to: URL(filePath: target))
  }

  @Test("clicks on a heading sort the table both ways, the filter chooses lines, and the figures change")
  func clicks() throws {
    let folder = try TemporaryFolder()
    try makePage(in: folder)
    try driven(
      folder.file("r.html"),
      by: """
        const heads = Array.from(document.querySelectorAll("#path-table thead button"));
        const rows = () => Array.from(document.querySelectorAll("#path-table tbody tr"));
        const rates = () => rows().map(row => Number(row.cells[3].dataset.value));
        const sorted = (list, sign) => list.every((x, i) => i === 0 || sign * (x - list[i - 1]) >= 0);
        heads[3].click();
        const up = sorted(rates(), 1) && heads[3].parentElement.getAttribute("aria-sort") === "ascending";
        heads[3].click();
        const down = sorted(rates(), -1);
        const filter = document.getElementById("filter");
        filter.value = "VEXT-adaptive";
        filter.dispatchEvent(new Event("input"));
        const left = rows().filter(row => !row.hidden);
        const filtered = left.length > 0 && left.length < rows().length && left.every(row => row.cells[1].textContent.includes("adaptive"));
        const measure = document.getElementById("measure");
        measure.value = "latency";
        measure.dispatchEvent(new Event("change"));
        const chosen = Array.from(document.querySelectorAll("[data-measure]")).every(x => x.hidden === (x.dataset.measure !== "latency"));
        document.title = ["up", up, "down", down, "filtered", filtered, "chosen", chosen].join(" ");
        """, to: folder.file("driven.html"))
    let page = try Browser.load(folder.file("driven.html"))
    #expect(page.contains("<title>up true down true filtered true chosen true</title>"))
  }

  @Test(
    "a screen of 390 points shows the page without scrolling sideways, and one of 1400 as well",
    arguments: [390, 1400])
  func widths(width: Int) throws {
    let folder = try TemporaryFolder()
    try makePage(in: folder)
    try driven(
      folder.file("r.html"),
      by: """
        const frame = document.createElement("div");
        document.title = "overflow " + (document.documentElement.scrollWidth > window.innerWidth);
        """, to: folder.file("inner.html"))
    // A window has a least width; a frame has none.
    try Data(
      """
      <!DOCTYPE html><title>none</title><iframe id="f" style="width:\(width)px;height:900px;border:0" src="inner.html"></iframe>
      <script>
      document.getElementById("f").addEventListener("load", function () { document.title = this.contentDocument.title; });
      </script>
      """.utf8
    ).write(to: URL(filePath: folder.file("outer.html")))
    let page = try Browser.load(folder.file("outer.html"), options: ["--allow-file-access-from-files"])
    #expect(page.contains("<title>overflow false</title>"))
  }

  @Test("the tail is one of the things that figures show, and its lines have values to be pointed at")
  func tail() throws {
    let folder = try TemporaryFolder()
    try makePage(in: folder)
    try driven(
      folder.file("r.html"),
      by: """
        const measure = document.getElementById("measure");
        measure.value = "tail";
        measure.dispatchEvent(new Event("change"));
        const seen = Array.from(document.querySelectorAll("svg.tail")).filter(x => x.getBoundingClientRect().height > 50);
        const told = seen.every(x => x.querySelector("g > title").textContent.includes("p99.9"));
        document.title = ["seen", seen.length > 0, "told", told].join(" ");
        """, to: folder.file("driven.html"))
    let page = try Browser.load(folder.file("driven.html"))
    #expect(page.contains("<title>seen true told true</title>"))
  }

  @Test("printed, the page has all of its sections, no controls, and no text beyond the paper's edges")
  func print() throws {
    let folder = try TemporaryFolder()
    try makePage(in: folder)
    let pdf = try Browser.print(folder.file("r.html"), to: folder.file("r.pdf"))
    #expect(pdf.starts(with: Data("%PDF-".utf8)))
    let text = try CommandRun(["pdftotext", "-layout", folder.file("r.pdf"), "-"])
    for heading in [
      "Paths compared", "Figures", "Results", "Verdict on the host", "Command lines", "not to be trusted",
    ] {
      #expect(text.output.contains(heading), "\(heading)")
    }
    #expect(!text.output.contains("Figures show"))
    let boxes = try CommandRun(["pdftotext", "-bbox", folder.file("r.pdf"), "-"]).output
    let width = try #require(boxes.firstMatch(of: #/<page width="([0-9.]+)"/#).flatMap { Double($0.1) })
    let right = boxes.matches(of: #/xMax="([0-9.]+)"/#).compactMap { Double($0.1) }
    #expect(right.count > 500)
    #expect(right.allSatisfy { $0 <= width })
  }

  @Test("the page loads nothing, while one without its policy that names a picture would")
  func network() throws {
    let folder = try TemporaryFolder()
    try makePage(in: folder)
    #expect(try Browser.requests(of: folder.file("r.html")) == [])
    let picture = "http://picture.invalid/x.png"
    try Data("<!DOCTYPE html><img src=\"\(picture)\">".utf8).write(
      to: URL(filePath: folder.file("control.html")))
    #expect(try Browser.requests(of: folder.file("control.html")) == [picture])
    // The policy itself: with it, the same picture is not asked for.
    let policed = try folder.text(of: "r.html").replacing("<h1>", with: "<img src=\"\(picture)\"><h1>")
    try Data(policed.utf8).write(to: URL(filePath: folder.file("policed.html")))
    #expect(try Browser.requests(of: folder.file("policed.html")) == [])
  }

  @Test("the page is to be seen: dark on light, or light on dark")
  func screenshot() throws {
    let folder = try TemporaryFolder()
    try makePage(in: folder)
    try Data("<!DOCTYPE html><title>blank</title>".utf8).write(to: URL(filePath: folder.file("blank.html")))
    let blank = try Browser.brightness(of: folder.file("blank.html"), isDark: false)
    #expect(blank.deviation == 0)
    // The first screen has text and the head of a figure, which is white.
    let light = try Browser.brightness(of: folder.file("r.html"), isDark: false)
    #expect(light.mean > 200 && light.deviation > 10)
    let dark = try Browser.brightness(of: folder.file("r.html"), isDark: true)
    #expect(dark.mean < light.mean - 50 && dark.deviation > 10)
  }
}
