import Foundation
import Testing

@testable import Bench

/// The page in a real browser. `scripts/install-dependencies --tests`, which scripts/test calls, installs it.
@Suite(
  .serialized,
  .enabled(
    if: Browser.isInstalled && GnuplotTests.isInstalled,
    "chromium or gnuplot is not installed: scripts/install-dependencies --tests"))
struct BrowserTests {
  /// Makes the page of rows that have all data, in `folder`.
  private func makePage(in folder: borrowing TemporaryFolder) throws {
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
  }

  @Test("a browser finds six drawn figures, tables and headings, and runs nothing of what hosts are called")
  func content() throws {
    let folder = try TemporaryFolder()
    try makePage(in: folder)
    let page = try Browser.load(folder.file("r.html"))
    #expect(page.matches(of: #/<figure id="figure-/#).count == FigureKind.allCases.count)
    #expect(page.matches(of: #/<svg /#).count == FigureKind.allCases.count)
    #expect(page.matches(of: #/<h2>/#).count == 6)
    #expect(page.contains("<title>vext: benchmark report</title>"))
    #expect(!page.contains("<script"))
    // A browser's own serialization: an element that it did not understand as SVG would not be closed like this.
    #expect(page.matches(of: #/<text[^>]*>.*?</text>/#.dotMatchesNewlines()).count > 50)
    let ids = page.matches(of: #/\sid="([^"]*)"/#).map { String($0.1) }
    #expect(Set(ids).count == ids.count)
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
