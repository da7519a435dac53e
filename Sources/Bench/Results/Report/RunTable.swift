/// The table at the end of a run: a column for each data path, a line for each metric.
struct RunTable {
  /// The boots that took place, in any order.
  let boots: [BootSummary]
  /// The data paths, in the order in which they were asked for; the first is what the others are related to.
  let paths: [DataPath]

  /// The table, each line ended by a line feed. Paths without a boot are left out.
  func text() -> String {
    let shown = paths.filter { path in boots.contains { $0.path == path } }
    guard let reference = shown.first else { return "all boots failed\n" }
    var lines = [
      line("IOPS", shown, digits: 0, \.iops),
      line("MiB/s", shown, digits: 1, \.bandwidthMiBPerSecond),
      line("latency p50, us", shown, digits: 2) { $0.latency.map { $0.p50 / 1000 } },
      line("latency p99, us", shown, digits: 2) { $0.latency.map { $0.p99 / 1000 } },
      line("vmexits per I/O", shown, digits: 5, \.vmexitsPerIO),
      line("I/O vmexits per I/O", shown, digits: 5, \.ioVMExitsPerIO),
    ]
    if boots.contains(where: { $0.ioVMExitsPerIOBeyondIdle != nil }) {
      lines += [
        line("  beyond an idle guest's", shown, digits: 5) { $0.ioVMExitsPerIOBeyondIdle },
        line("  beyond a computing guest's", shown, digits: 5) { $0.ioVMExitsPerIOBeyondComputing },
      ]
    }
    lines += [
      line("CPU of the I/O threads, s/s", shown, digits: 3, \.ioThreadLoad),
      line("CPU (I/O threads + vCPUs), s/s", shown, digits: 2, \.cpuLoad),
    ]
    if shown.count > 1 {
      let relative = shown.map { cell(samples: ratios(of: $0, to: reference), digits: 2) }
      lines.append(["IOPS relative to \(reference.name)"] + relative)
    }
    if boots.contains(where: { $0.errors > 0 }) {
      lines.append(line("failed requests", shown, digits: 0) { Double($0.errors) })
    }
    if boots.contains(where: { $0.verifiedBlocks > 0 }) {
      lines.append(line("I/O blocks verified", shown, digits: 0) { Double($0.verifiedBlocks) })
      lines.append(line("I/O blocks verified wrong", shown, digits: 0) { Double($0.verifyErrors) })
    }
    return ReportTable(
      headings: [ReportTable.Heading(title: "")]
        + shown.map { ReportTable.Heading(title: $0.name, isNumber: true) }, lines: lines
    ).plainText()
  }

  /// IOPS of `path` over IOPS of `reference`, boot by boot of the same repetition: they ran side by side.
  private func ratios(of path: DataPath, to reference: DataPath) -> [Double] {
    boots.filter { $0.path == path }.compactMap { boot in
      let base = boots.first { $0.path == reference && $0.repetition == boot.repetition }
      guard let base, base.iops > 0 else { return nil }
      return boot.iops / base.iops
    }
  }

  private func line(
    _ title: String, _ paths: [DataPath], digits: Int, _ value: (BootSummary) -> Double?
  ) -> [String] {
    [title]
      + paths.map { path in
        cell(samples: boots.filter { $0.path == path }.compactMap(value), digits: digits)
      }
  }

  /// The median, and the smallest and largest where there is more than one sample.
  private func cell(samples: [Double], digits: Int) -> String {
    guard let spread = Spread(samples) else { return "-" }
    let median = NumberText.decimal(spread.median, digits: digits)
    if samples.count == 1 { return median }
    let minimum = NumberText.decimal(spread.minimum, digits: digits)
    return "\(median) (\(minimum)..\(NumberText.decimal(spread.maximum, digits: digits)))"
  }
}
