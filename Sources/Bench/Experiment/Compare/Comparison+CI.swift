extension Comparison {
  /// What becomes of one comparison in a CI system.
  private struct Check {
    /// How bad it is.
    enum Outcome: String {
      case passed
      case failed
      case skipped
    }

    let configuration: String
    let name: String
    let outcome: Outcome
    /// The verdict in a word.
    let verdict: String
    let text: String
  }

  private var checks: [Check] {
    var checks = metrics.map { metric in
      Check(
        configuration: metric.configuration, name: metric.metric.rawValue,
        outcome: Self.outcome(metric.verdict),
        verdict: metric.verdict.rawValue,
        text: "A \(NumberText.text(metric.medianA)), B \(NumberText.text(metric.medianB)) \(metric.unit); "
          + Self.effect(metric))
    }
    checks += reliability.map {
      Check(
        configuration: $0.configuration, name: "failed boots", outcome: Self.outcome($0.verdict),
        verdict: $0.verdict.rawValue,
        text: "A failed \($0.failedA) of \($0.bootsA) boots, B \($0.failedB) of \($0.bootsB); p "
          + NumberText.probability($0.pValue))
    }
    checks += notCompared.map {
      Check(
        configuration: $0, name: "comparison", outcome: .skipped, verdict: "not compared",
        text: "a side has no value")
    }
    guard checks.isEmpty else { return checks }
    return [
      Check(
        configuration: "all", name: "comparison", outcome: .failed, verdict: "nothing compared",
        text: "A and B have nothing in common")
    ]
  }

  /// The change with its interval: with `--confident` the sequential one, because p and interval of a fixed number of boots do not hold
  /// where the boots themselves decided how many there are.
  private static func effect(_ metric: MetricComparison) -> String {
    guard let sequential = metric.sequential else {
      let interval =
        metric.interval.confidence > 0
        ? " (\(confidence(metric.interval)) interval \(interval(metric)))" : ""
      return "change \(change(metric))\(interval), p \(NumberText.probability(metric.adjustedPValue))"
    }
    let interval =
      sequential.interval.map { " (\(confidence($0)) sequential interval \(sequentialInterval(metric)))" }
      ?? ""
    return "change \(sequentialChange(metric))\(interval), "
      + (sequential.isSettled
        ? "decided after \(sequential.pairCount) pairs" : "no verdict after \(sequential.pairCount) pairs")
  }

  private static func outcome(_ verdict: Verdict) -> Check.Outcome {
    switch verdict {
    case .regressed: .failed
    case .improved, .unchanged: .passed
    case .inconclusive: .skipped
    }
  }

  /// A JUnit file: a test case for each verdict. Inconclusive ones are skipped tests, which do not fail a pipeline; the exit code
  /// of `bench compare` does.
  func junit() -> String {
    let checks = checks
    func count(_ outcome: Check.Outcome) -> Int { checks.count { $0.outcome == outcome } }
    let counts =
      "tests=\"\(checks.count)\" failures=\"\(count(.failed))\" errors=\"0\" skipped=\"\(count(.skipped))\""
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<testsuites name=\"bench compare\" \(counts)>",
      "  <testsuite name=\"\(CIText.xml("\(titleA) and \(titleB)"))\" \(counts)>", "    <properties>",
      "      <property name=\"host\" value=\"\(CIText.xml(host.summary))\"/>", "    </properties>",
    ]
    for check in checks {
      let names = "classname=\"\(CIText.xml(check.configuration))\" name=\"\(CIText.xml(check.name))\""
      let message = "message=\"\(CIText.xml("\(check.verdict): \(check.text)"))\""
      lines.append("    <testcase \(names) time=\"0\">")
      switch check.outcome {
      case .failed: lines.append("      <failure type=\"\(CIText.xml(check.verdict))\" \(message)/>")
      case .skipped: lines.append("      <skipped \(message)/>")
      case .passed:
        lines.append("      <system-out>\(CIText.xml("\(check.verdict): \(check.text)"))</system-out>")
      }
      lines.append("    </testcase>")
    }
    lines += [
      "    <system-out>\(CIText.xml(([summary] + notes).joined(separator: "\n")))</system-out>",
      "  </testsuite>",
      "</testsuites>",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  /// Workflow commands of GitHub Actions: an error for what regressed, a warning for what is inconclusive, a notice with the summary.
  func githubAnnotations() -> String {
    var lines = checks.compactMap { check -> String? in
      let title = "\(check.configuration) \(check.name): \(check.verdict)"
      return switch check.outcome {
      case .failed: CIText.githubCommand("error", title: title, message: check.text)
      case .skipped: CIText.githubCommand("warning", title: title, message: check.text)
      case .passed: nil
      }
    }
    lines.append(
      CIText.githubCommand(
        "notice", title: "bench compare",
        message: (["A: \(titleA)", "B: \(titleB)", summary] + notes).joined(separator: "\n")))
    return lines.joined(separator: "\n") + "\n"
  }
}
