import Foundation
import Hypervisor
import Testing

@testable import Bench

struct RunReportTests {
  private static let hostile = "<script>alert('x')</script> & \"<img src=x onerror=alert(1)>"

  private func page(
    _ rows: [RunRecord], host: HostDescription = RunFixture.host, drawn: [FigureKind: String] = [:],
    change: (inout RunDocument) -> Void = { _ in }
  ) throws -> String {
    let folder = try TemporaryFolder()
    try BootRows.write(rows, to: folder.file("rows.csv"))
    var document = FigureFixture.document(rows, host: host)
    change(&document)
    try document.write(to: folder.file("rows.json"))
    let runs = try FigureRuns([folder.path])
    return try RunReport(runs: runs, figures: FigureSet(runs), drawn: drawn).html()
  }

  @Test("text from files and hosts is escaped wherever it stands")
  func escaping() throws {
    var host = RunFixture.host
    host.cpuModel = Self.hostile
    host.mitigations = [Self.hostile: Self.hostile]
    let rows =
      FigureFixture.boots(.vext, iops: [1, 2]) {
        $0.hostCPU = Self.hostile
        $0.gitRevision = Self.hostile
        $0.rw = Self.hostile
        $0.startedAt = Self.hostile
      }
      + FigureFixture.boots(.virtioBlock, iops: [1]) {
        $0.hostCPU = Self.hostile
      }
    let page = try page(rows, host: host) {
      $0.commandLine = ["bench", Self.hostile]
      $0.plannedPlacement.notes = [Self.hostile]
      $0.startedAt = Self.hostile
    }
    #expect(page.ranges(of: "<script").count == 1)
    #expect(page.contains("<script>\(PageScript.text)</script>"))
    #expect(!page.contains("<img"))
    #expect(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;&lt;img"))
  }

  @Test("each character that means something in a page is escaped, and control characters are replaced")
  func characters() {
    #expect(HTMLText.escaped("<&>\"'é\n") == "&lt;&amp;&gt;&quot;&#39;é\n")
    #expect(HTMLText.escaped("\u{0}\u{1B}") == "\u{FFFD}\u{FFFD}")
  }

  @Test("the page has its title, the whole host, every command line and all notes")
  func content() throws {
    let rows = FigureFixture.everything.map { row in
      var row = row
      row.isTimingValid = false
      row.isOversubscribed = true
      return row
    }
    let count = try FigureFixture.runs(rows).boots.count
    let page = try page(rows) {
      $0.plannedPlacement.notes = ["2 vCPUs share CPU 1."]
      $0.isComplete = false
    }
    #expect(page.contains("<h1>vext: benchmark report</h1>"))
    #expect(page.contains("Reconstruction: the scenarios are ours"))
    for (key, value) in [
      ("cpu_model", "Imaginary &quot;X&quot;, 9000"), ("mitigations.mds", "Not affected"),
      ("load_average", "0.5 0.25 0.125"), ("numa_nodes[0].cpus", "0-3"), ("transparent_huge_pages", "never"),
      ("smt_active", "false"), ("available_memory_bytes", "536870912"),
    ] {
      #expect(page.contains("<td>\(key)</td><td>\(value)</td>"), "\(key)")
    }
    #expect(page.contains("scripts/bench run --mode vext\n"))
    for note in [
      "2 vCPUs share CPU 1.", "TIMES MEAN NOTHING ON THIS HOST", "1 run(s) ended before all of their boots",
      "<p class=\"distrust\">NOT TO BE TRUSTED: ",
      "oversubscribed in \(count) of \(count) boots (busy threads shared a CPU)",
      "changes that are in no revision",
    ] {
      #expect(page.contains(note))
    }
  }

  @Test("the table has a line for each configuration, with the median of its boots and their range")
  func table() throws {
    let page = try page(
      FigureFixture.boots(.vext, iops: [100, 400, 200]) + FigureFixture.boots(.virtioBlock, iops: [7]))
    #expect(
      page.contains(
        "<tr><td>vext</td><td class=\"number\">3</td><td class=\"number\">200.0 (100.0..400.0)</td>"))
    #expect(
      page.contains("<tr><td>virtio-blk</td><td class=\"number\">1</td><td class=\"number\">7.000</td>"))
  }

  @Test("command lines can be pasted: this project's program, no output, no folder of the recording host")
  func commands() {
    #expect(
      PastedCommand.text([
        "/home/x/.build/release/bench", "run", "--job", "/home/x/it's.fio", "--disk", "/dev/nvme0n1",
        "--output", "/home/x/rows.csv", "--scratch=/mnt/fast", "--quiet", "--output=b.csv", "--size", "1g",
      ]) == "scripts/bench run --job 'it'\\''s.fio' --disk /dev/nvme0n1 --scratch=fast --size 1g")
  }

  @Test("the content policy allows the page's script and no other")
  func policy() throws {
    let folder = try TemporaryFolder()
    try Data(PageScript.text.utf8).write(to: URL(filePath: folder.file("script.js")))
    let sum = try CommandRun(["sha256sum", folder.file("script.js")]).output.prefix(64)
    let bytes = stride(from: 0, to: 64, by: 2).compactMap { UInt8(sum.dropFirst($0).prefix(2), radix: 16) }
    #expect(PageScript.policySource == "'sha256-\(Data(bytes).base64EncodedString())'")
    #expect(RunReport.policy.hasPrefix("default-src 'none'; "))
  }

  @Test("paths of a workload stand beside each other with their ratio to the first, by pairs")
  func paths() throws {
    let page = try page(
      FigureFixture.boots(.virtioBlock, iops: [100, 110, 90, 100, 105, 95])
        + FigureFixture.boots(.vext, iops: [400, 440, 360, 400, 420, 380]))
    #expect(page.contains("<td class=\"number\" data-value=\"4.0\">4.00</td>") || page.contains(">4.00</td>"))
    #expect(page.contains(">4.00..4.00 (95 %)</td>") || page.contains(">4.00..4.00 (96.9 %)</td>"))
    #expect(page.contains("<title>vext: 4.00, interval 4.00..4.00"))
    #expect(page.contains("6 boots, 6 pairs</title>"))
    #expect(page.contains("<th scope=\"col\""))
    #expect(page.contains("<caption id=\"path-table-caption\">"))
    #expect(page.contains("<a href=\"#paths\">Paths compared</a>"))
  }

  @Test("a mode that chooses its engine stands beside the modes of each engine, and not alone as well")
  func tuned() throws {
    let runs = try FigureFixture.runs(
      FigureFixture.boots(.virtioBlock, iops: [1, 2]) + FigureFixture.boots(.virtioBlockTuned, iops: [2, 3]))
    let comparisons = PathComparison.all(of: runs.boots)
    #expect(comparisons.count == 1)
    #expect(comparisons.first?.lines.map(\.series.name) == ["virtio-blk", "virtio-blk-tuned"])
  }

  @Test("the small figures are XML, also where values are zero or missing")
  func dots() throws {
    let rows = FigureFixture.boots(.virtioBlock, iops: [1, 2, 3]) { $0.latencyP50Microseconds = 0 }
    let comparisons = try PathComparison.all(
      of: FigureFixture.runs(rows + FigureFixture.boots(.vext, iops: [500, 1])).boots)
    #expect(comparisons.map(\.lines.count) == [2])
    let pictures = comparisons.flatMap { comparison in
      PathComparison.Measure.allCases.map { DotFigure($0, of: comparisons).svg(comparison) }
    }
    #expect(XMLDocumentCheck.isWellFormed("<all>\(pictures.joined())</all>"))
    for tail in comparisons.compactMap({ TailFigure($0) }) {
      #expect(XMLDocumentCheck.isWellFormed(tail.svg))
    }
    #expect(!pictures.joined().contains("nan") && !pictures.joined().contains("inf"))
  }

  @Test("the latency tail has a line for each path, with its percentiles to be pointed at")
  func tail() throws {
    let few = try PathComparison.all(
      of: FigureFixture.runs(
        FigureFixture.boots(.vext, iops: [1]) + FigureFixture.boots(.virtioBlock, iops: [1])
      ).boots)
    let picture = try #require(few.first.flatMap { TailFigure($0) }).svg
    #expect(picture.contains("<title>vext: p50 1.000 us, p90 1.000 us, p99 "))
    #expect(picture.matches(of: #/class="curve"/#).count == 2)
    #expect(picture.contains(">p99.9</text>") && !picture.contains(">p99.99</text>"))
    let many = try PathComparison.all(of: FigureFixture.runs(FigureFixture.everything).boots)
    let panels = try #require(many.lazy.compactMap { TailFigure($0) }.first).svg
    let paths = DataPathMode.allCases.count
    #expect(panels.matches(of: #/class="curve"/#).count == paths)
    #expect(panels.matches(of: #/class="other"/#).count == paths * (paths - 1))
    #expect(XMLDocumentCheck.isWellFormed(panels))
  }

  @Test("the verdict on the host is the doctor's, over all records, and the load's that of the first")
  func verdict() throws {
    let documents = [0.1, 3.0, 3.0].enumerated().map { index, load in
      var host = DoctorFixture.host
      host.loadAverage = [load, load, load]
      host.processor?.governors = index == 1 ? ["powersave"] : ["performance"]
      return FigureFixture.document([], host: host)
    }
    let verdict = HostVerdict(documents)
    func severity(_ check: DoctorCheck) -> Finding.Severity? {
      verdict.lines.first { $0.finding.check == check }?.finding.severity
    }
    #expect(severity(.load) == .ok)
    #expect(severity(.governor) == .spoils)
    #expect(verdict.lines.first { $0.finding.check == .governor }?.recordCount == 1)
    #expect(severity(.machines) == nil && severity(.kvmDevice) == nil)
    #expect(verdict.html.contains("(in 1 of 3 records)"))
    #expect(
      verdict.html.contains(
        "<p class=\"distrust\">Doctor's verdict: results of this host are not to be trusted"))
    #expect(!verdict.html.contains("just now"))
    #expect(HostVerdict([]).html.contains("no verdict"))
  }

  @Test("the scenario is that of the plan beside the rows")
  func scenario() throws {
    let folder = try TemporaryFolder()
    let plan = try ExperimentTests.plan()
    do { _ = try ExperimentFolder(creating: folder.file("run"), plan: plan) }
    let html = try ReportScenario.html(files: [folder.file("run/rows.csv")])
    #expect(html.contains("scripts/bench run --mode vext --runtime 1s"))
    #expect(html.contains("# 3 repetitions of each line, order by seed 1"))
    #expect(try ReportScenario.html(files: ["nowhere/rows.csv"]).contains("No plan"))
  }

  @Test("values of the host that differ from run to run are listed, or counted")
  func differingHosts() throws {
    let documents = (1...5).map { number in
      var host = RunFixture.host
      host.availableMemoryBytes = UInt64(number)
      host.governor = number == 1 ? nil : "powersave"
      return FigureFixture.document([], host: host)
    }
    let table = try HostTable.table(documents, identity: HostIdentity(RunFixture.host))
    #expect(table.lines.contains(["available_memory_bytes", "1; 2; 3; and 2 other values in other runs"]))
    #expect(table.lines.contains(["governor", "powersave"]))
    #expect(table.lines.count == Set(table.lines.map { $0[0] }).count)
  }

  @Test("without records the page says what rows know of the host, and that command lines are missing")
  func rowsOnly() throws {
    let runs = try FigureFixture.runs(FigureFixture.boots(.vext, iops: [1]), histogram: nil)
    let page = try RunReport(runs: runs, figures: FigureSet(runs), drawn: [:]).html()
    #expect(page.contains("<td>kvm_backend</td><td>svm</td>"))
    #expect(page.contains("The records that hold them were not found."))
    #expect(page.contains("Figure left out: Latency distribution"))
  }

  @Test("an SVG file becomes an element whose names are the figure's own")
  func inlineSVG() {
    let file = """
      <?xml version="1.0"?><!DOCTYPE svg PUBLIC "x" "http://www.w3.org/x.dtd">
      <svg id="a">
      <title>Gnuplot</title>
      <desc>Produced by GNUPLOT</desc><g id='b'/><use xlink:href='#b'/><path fill="url(#a)"/></svg>
      """
    #expect(
      InlineSVG.element(of: file, prefix: "p", title: "A & B")
        == "<svg role=\"img\" aria-label=\"A &amp; B\" id=\"p-a\"><g id='p-b'/><use xlink:href='#p-b'/>"
        + "<path fill=\"url(#p-a)\"/></svg>")
    #expect(InlineSVG.element(of: "no figure", prefix: "p", title: "") == nil)
  }

  @Test("a page does not take the place of a pipe or a device")
  func noRegularFile() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.boots(.vext, iops: [1]), to: folder.path)
    #expect(try CommandRun(["mkfifo", folder.file("pipe")]).exitCode == 0)
    let outcome = try BenchProgram.run(["report", "--from", ".", "--output", "pipe"], in: folder.path)
    #expect(outcome.exitCode == 73)
    #expect(
      outcome.errors == "bench: error: the output pipe is not a regular file; name another with --output\n")
  }

  @Test("without gnuplot the page is written nonetheless, and the package is named")
  func missingGnuplot() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.everything, to: folder.path)
    let outcome = try BenchProgram.run(
      ["report", "--from", ".", "--output", "r.html"], in: folder.path, environment: ["PATH": "/nonexistent"])
    #expect(outcome.exitCode == 69)
    #expect(outcome.errors.contains("Debian package gnuplot-nox"))
    #expect(try folder.text(of: "r.html").contains("Not drawn: gnuplot was not installed."))
  }
}
