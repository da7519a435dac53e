import Foundation
import Testing

@testable import Bench

/// What CI systems read of a comparison.
struct ComparisonCITests {
  private static func comparison(levels: (Double, Double), titleA: String = "A") throws -> Comparison {
    func boots(_ level: Double, seed: UInt64) throws -> [BootSample] {
      try BootRows.boots(BootRows.rows(iops: BootRows.rates(20, level: level, noise: 0.005, seed: seed)))
    }
    return try Comparison(
      Comparison.Request(
        titleA: titleA, titleB: "B", bootsA: boots(levels.0, seed: 1), bootsB: boots(levels.1, seed: 2),
        metrics: [.iops, .latencyP50], isPaired: false))
  }

  /// The attributes and children that Python's parser finds, in a line each.
  private static func parsed(_ xml: String) throws -> [String] {
    let folder = try TemporaryFolder()
    try Data(xml.utf8).write(to: URL(filePath: folder.file("junit.xml")))
    let program = """
      import sys, xml.etree.ElementTree as tree
      root = tree.parse(sys.argv[1]).getroot()
      print(root.tag, root.get("tests"), root.get("failures"), root.get("skipped"))
      suite = root.find("testsuite")
      print(repr(suite.get("name")))
      for case in suite.findall("testcase"):
        print(case.get("name"), " ".join(child.tag for child in case))
      """
    return try CommandRun(["python3", "-c", program, folder.file("junit.xml")]).output.split(separator: "\n")
      .map(
        String.init)
  }

  @Test func `a JUnit file has a failure for what regressed, whatever is in a title`() throws {
    let title = "<a> & \"b\" 'c' ]]> \u{1B}[31m\nnext\u{FFFF}"
    let xml = try Self.comparison(levels: (1000, 900), titleA: title).text(.junit)
    #expect(XMLDocumentCheck.isWellFormed(xml))
    let lines = try Self.parsed(xml)
    #expect(
      lines == [
        "testsuites 2 2 0", "'<a> & \"b\" \\'c\\' ]]> \u{FFFD}[31m\\nnext\u{FFFD} and B'", "iops failure",
        "latency_p50_us failure",
      ])
    let same = try Self.parsed(Self.comparison(levels: (1000, 1001)).text(.junit))
    #expect(same == ["testsuites 2 0 0", "'A and B'", "iops system-out", "latency_p50_us system-out"])
  }

  @Test func `an annotation is one line, and text cannot begin a command or a property`() throws {
    let text = try Self.comparison(levels: (1000, 900), titleA: "50%\r\n::error::x, y: z").text(.github)
    let lines = text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("::error title="))
    #expect(lines[0].contains(" iops%3A regressed::A "))
    #expect(
      lines[2].hasPrefix(
        "::notice title=bench compare::A: 50%25%0D%0A::error::x, y: z%0AB: B%0Averdict: 2 regressed"))
    #expect(
      CIText.githubCommand("error", title: "a,b:c%\n", message: "a,b:c%\n")
        == "::error title=a%2Cb%3Ac%25%0A::a,b:c%25%0A")
    let same = try Self.comparison(levels: (1000, 1001)).text(.github)
    #expect(same.hasPrefix("::notice title=bench compare::A: A%0AB: B%0Averdict: 2 unchanged"))
    #expect(same.count { $0 == "\n" } == 1)
  }

  @Test func `without a terminal a line comes now and then`() {
    final class Log: @unchecked Sendable {
      var now: UInt64 = 0
      var text = ""
    }
    let log = Log()
    let reporter = ProgressReporter(pace: LinePace(intervalSeconds: 10, clock: { log.now })) {
      log.text += $0
    }
    for second in 0...25 {
      log.now = UInt64(second) * 1_000_000_000
      reporter.show("[\(second)/25] x")
    }
    reporter.clear()
    #expect(log.text == "bench: [10/25] x\nbench: [20/25] x\n")
  }
}
