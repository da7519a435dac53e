/// What `bench doctor` says about the host of recorded runs, as far as their records tell.
///
/// A record does not hold what only the host itself shows: other processes and what this user may do. What kept CPUs busy within
/// the windows is marked at each boot.
struct HostVerdict: Sendable {
  /// What is said about one thing, over all records.
  struct Line: Equatable, Sendable {
    /// The worst finding of all records.
    let finding: Finding
    /// How many records it is about.
    let recordCount: Int
  }

  /// In the checks' order.
  let lines: [Line]
  private let recordCount: Int

  /// The verdict on what `documents` hold, which are in the order of their runs.
  init(_ documents: [RunDocument]) {
    recordCount = documents.count
    let findings = documents.map { document in
      Doctor(environment: DoctorEnvironment(recorded: document)).findings
    }
    lines = DoctorCheck.allCases.filter(\.isRecorded).compactMap { check in
      // The load average of later runs is that of earlier ones.
      let said = (check == .load ? Array(findings.prefix(1)) : findings).compactMap {
        $0.first { $0.check == check }
      }
      let worst = Finding.Severity.allCases.lazy.compactMap { severity in
        said.first { $0.severity == severity }
      }.first
      return worst.map { worst in
        Line(finding: worst, recordCount: said.count { $0.severity == worst.severity })
      }
    }
  }

  private func count(_ severity: Finding.Severity) -> Int { lines.count { $0.finding.severity == severity } }

  /// One line: what it comes to.
  var summary: String {
    let counts = Finding.Severity.allCases.map { "\(count($0)) \($0.rawValue)" }.joined(separator: ", ")
    return
      (count(.spoils) == 0
      ? "nothing that the records tell of this host spoils results"
      : "results of this host are not to be trusted beyond what is compared here")
      + " (\(counts))"
  }

  /// The part of the page.
  var html: String {
    guard recordCount > 0 else {
      return "<p>No record (JSON) was found beside the rows, so that there is no verdict.</p>\n"
    }
    var table = ReportTable(headings: [
      .init(title: "severity"), .init(title: "check"), .init(title: "found"), .init(title: "why"),
      .init(title: "to set it right"),
    ])
    let order = Finding.Severity.allCases
    table.lines = order.flatMap { severity in lines.filter { $0.finding.severity == severity } }.map { line in
      let finding = line.finding
      let others = line.recordCount < recordCount && finding.check != .load
      return [
        finding.severity.rawValue, finding.check.rawValue,
        finding.found + (others ? " (in \(line.recordCount) of \(recordCount) records)" : ""), finding.why,
        finding.remedy ?? "",
      ]
    }
    let name = count(.spoils) > 0 ? "distrust" : "notice"
    return "<p class=\"\(name)\">Doctor's verdict: \(HTMLText.escaped(summary)).</p>\n"
      + table.html(
        caption:
          "What 'bench doctor' says of the host as the \(recordCount) record(s) describe it, worst first")
  }
}

extension DoctorCheck {
  /// Whether a run's record has what the check judges.
  var isRecorded: Bool {
    switch self {
    case .kvmBackend, .virtualHost, .steal, .load, .cpuCount, .isolation, .governor, .turbo, .idleStates,
      .clockSource,
      .mitigations, .numaBalancing, .transparentHugePages, .pageMerging, .swap, .fileSystem, .directIO,
      .diskSpace,
      .scheduler, .device, .aioLimit, .hugePages:
      true
    // What the process could do and see, and where CPUs are on the host.
    case .kvmDevice, .machines, .siblings, .interruptBalancing, .storageNode, .ioUring, .lockedMemory: false
    }
  }
}

extension DoctorEnvironment {
  /// What a run's record tells.
  init(recorded document: RunDocument) {
    self.init(
      host: document.host, kvmDevice: .usable,
      rights: ProcessRights(
        lockedMemoryLimit: nil, mayLockMemory: true, isAdministrator: true, isFiltered: false),
      activity: HostActivity(machines: [], balancesInterrupts: false, recentTicks: nil), topology: nil,
      configuration: document.configuration, placement: nil)
  }
}
