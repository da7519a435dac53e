import Foundation

/// The findings about a host, for a person or a program.
struct DoctorReport: Sendable {
  /// The host.
  let host: HostDescription
  /// In the checks' order.
  let findings: [Finding]

  /// The report on what `environment` holds.
  init(_ environment: DoctorEnvironment) {
    host = environment.host
    findings = Doctor(environment: environment).findings
  }

  /// How many findings have `severity`.
  func count(_ severity: Finding.Severity) -> Int { findings.count { $0.severity == severity } }

  /// Success, unless something spoils results.
  var exitCode: BenchFailure.Code? { count(.spoils) > 0 ? .spoiledHost : nil }

  /// One line: what it comes to.
  var summary: String {
    let count = Finding.Severity.allCases.map { "\(self.count($0)) \($0.rawValue)" }.joined(separator: ", ")
    return "verdict: "
      + (exitCode == nil ? "nothing here spoils results" : "results of this host are not to be trusted")
      + " (\(count))"
  }

  /// The report in `format`, ended by a line feed.
  func text(_ format: ReportFormat) throws -> String {
    switch format {
    case .table: plainText()
    case .markdown: markdown()
    case .json: try json()
    }
  }

  /// What is wrong in full, worst first; what is right in a line each.
  private func plainText() -> String {
    let width = (findings.map(\.check.rawValue.count).max() ?? 0) + 2
    func line(_ finding: Finding) -> String {
      let severity = finding.severity == .spoils ? "SPOILS" : finding.severity.rawValue
      return severity.padding(toLength: 8, withPad: " ", startingAt: 0)
        + finding.check.rawValue.padding(toLength: width, withPad: " ", startingAt: 0) + finding.found + "\n"
    }
    let indent = String(repeating: " ", count: 8 + width)
    let parts = Finding.Severity.allCases.map { severity in
      findings.filter { $0.severity == severity }.map { finding in
        guard let remedy = finding.remedy else { return line(finding) }
        return line(finding) + "\(indent)why: \(finding.why)\n\(indent)fix: \(remedy)\n"
      }.joined()
    }
    return "host: \(host.summary)\n\n" + parts.filter { !$0.isEmpty }.joined(separator: "\n")
      + "\n\(summary)\n"
  }

  private func markdown() -> String {
    var table = ReportTable(headings: [
      .init(title: "severity"), .init(title: "check"), .init(title: "found"), .init(title: "why"),
      .init(title: "to set it right"),
    ])
    table.lines = findings.map { finding in
      [
        finding.severity.rawValue, finding.check.rawValue, finding.found, finding.why,
        finding.remedy.map { "`\($0)`" } ?? "",
      ]
    }
    return "host: \(host.summary)\n\n" + table.markdown() + "\n**\(summary)**\n"
  }

  private func json() throws -> String {
    struct Document: Encodable {
      let findings: [Finding]
      let host: HostDescription
      let exitCode: Int32

      enum CodingKeys: String, CodingKey {
        case findings
        case host
        case exitCode = "exit_code"
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    let document = Document(findings: findings, host: host, exitCode: exitCode?.rawValue ?? 0)
    return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
  }
}
