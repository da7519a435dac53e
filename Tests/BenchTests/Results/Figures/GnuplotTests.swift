import Foundation
import Testing

@testable import Bench

/// The drawing itself. scripts/install-dependencies installs gnuplot.
struct GnuplotTests {
  static let isInstalled = Gnuplot() != nil

  @Test("text becomes a string constant on one line, whatever is in it")
  func quoting() {
    #expect(GnuplotText.quoted("it's") == "'it''s'")
    #expect(GnuplotText.quoted("a\nb\tc\u{0}") == "'a b c '")
    #expect(GnuplotText.quoted("`touch x`\\\"") == "'`touch x`\\\"'")
    #expect(GnuplotText.mark("50 % of '%s'") == "'50 %% of ''%%s'''")
    #expect(GnuplotText.plain("héllo\r\n") == "héllo  ")
  }

  @Test(
    "each figure comes as script and data, and as SVG, PDF and PNG",
    .enabled(if: isInstalled, "gnuplot is not installed"))
  func files() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.everything, to: folder.path)
    let outcome = try BenchProgram.run(
      ["figures", "--from", ".", "--output", "out/figures"], in: folder.path)
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty)
    let names = FigureKind.allCases.flatMap { kind in
      ["dat", "gp", "pdf", "png", "svg"].map { "\(kind.rawValue).\($0)" }
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.file("out/figures")).sorted()
        == names.sorted())
    for kind in FigureKind.allCases {
      let stem = folder.file("out/figures/\(kind.rawValue)")
      #expect(try Data(contentsOf: URL(filePath: "\(stem).png")).starts(with: [0x89, 0x50, 0x4E, 0x47]))
      #expect(try Data(contentsOf: URL(filePath: "\(stem).pdf")).starts(with: Data("%PDF-".utf8)))
      let svg = try String(contentsOfFile: "\(stem).svg", encoding: .utf8)
      #expect(svg.contains("\(kind.title) (reconstruction)"))
      #expect(svg.contains("KVM back end: svm"))
    }
  }

  @Test(
    "the colours of the figure are those of the paths", .enabled(if: isInstalled, "gnuplot is not installed"))
  func colours() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.everything, to: folder.path)
    let figures = try FigureSet(FigureRuns([folder.path]))
    try figures.write(to: folder.path)
    try figures.draw(in: folder.path, with: #require(Gnuplot()))
    for kind in [FigureKind.throughput, .latency, .guests, .depth] {
      let svg = try folder.text(of: "\(kind.rawValue).svg").lowercased()
      // vext: #0072B2.
      #expect(svg.contains("rgb(  0, 114, 178)"))
    }
  }

  @Test("names of hosts are drawn, never run", .enabled(if: isInstalled, "gnuplot is not installed"))
  func hostileNames() throws {
    let folder = try TemporaryFolder()
    let name = "'; system('touch pwned1'); '\"`touch pwned2`\\n <script>&"
    let rows = FigureFixture.boots(.vext, iops: [1, 2]) {
      $0.hostCPU = name
      $0.rw = "rw'; system 'touch pwned3'\n!touch pwned4"
    }
    try FigureFixture.write(rows, to: folder.path)
    let outcome = try BenchProgram.run(["figures", "--from", ".", "--output", "."], in: folder.path)
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    #expect(try folder.entries.allSatisfy { !$0.contains("pwned") })
    let svg = try folder.text(of: "throughput.svg")
    #expect(!svg.contains("<script>"))
    #expect(svg.contains("touch pwned1"))
    #expect(XMLDocumentCheck.isWellFormed(svg))
  }

  @Test("without gnuplot, data and scripts are written, and the package is named")
  func missing() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.everything, to: folder.path)
    let outcome = try BenchProgram.run(
      ["figures", "--from", ".", "--output", "out"], in: folder.path, environment: ["PATH": "/nonexistent"])
    #expect(outcome.exitCode == 69)
    #expect(outcome.errors.hasPrefix("bench: error: gnuplot is not in PATH"))
    #expect(outcome.errors.contains("Debian package gnuplot-nox"))
    let names = FigureKind.allCases.flatMap { ["\($0.rawValue).dat", "\($0.rawValue).gp"] }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.file("out")).sorted() == names.sorted())
  }

  @Test("the error has what gnuplot says when it fails")
  func failing() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.everything, to: folder.path)
    try FileManager.default.createDirectory(atPath: folder.file("bin"), withIntermediateDirectories: false)
    try Data("#!/bin/sh\necho no such terminal\nexit 3\n".utf8).write(
      to: URL(filePath: folder.file("bin/gnuplot")))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder.file("bin/gnuplot"))
    let outcome = try BenchProgram.run(
      ["figures", "--from", ".", "--output", "out"], in: folder.path,
      environment: ["PATH": folder.file("bin")])
    #expect(outcome.exitCode == 74)
    #expect(outcome.errors.contains("throughput.gp: no such terminal"))
  }
}
