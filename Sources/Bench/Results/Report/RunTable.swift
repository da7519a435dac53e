import Foundation
import TextTable

/// The table at the end of a run: a column for each data path, a line for each figure.
struct RunTable {
  /// The boots that took place, in any order.
  let boots: [BootSummary]
  /// The data paths, in the order in which they were asked for; the first is what the others are related to.
  let paths: [DataPath]

  /// One line of the table.
  private struct Line {
    let title: String
    let values: [String]
  }

  /// The table, each line ended by a line feed. Paths without a boot are left out.
  func text() -> String {
    let shown = paths.filter { path in boots.contains { $0.path == path } }
    guard let reference = shown.first else { return "no boot was completed\n" }
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
      line("CPU of the I/O threads, s/s", shown, digits: 3, \.pollerLoad),
      line("CPU (I/O threads + vCPUs), s/s", shown, digits: 2, \.cpuLoad),
    ]
    if shown.count > 1 {
      let relative = shown.map { cell(samples: ratios(of: $0, to: reference), digits: 2) }
      lines.append(Line(title: "IOPS relative to \(reference.name)", values: relative))
    }
    if boots.contains(where: { $0.errors > 0 }) {
      lines.append(line("failed requests", shown, digits: 0) { Double($0.errors) })
    }
    if boots.contains(where: { $0.verifiedBlocks > 0 }) {
      lines.append(line("blocks verified", shown, digits: 0) { Double($0.verifiedBlocks) })
      lines.append(line("blocks verified wrong", shown, digits: 0) { Double($0.verifyErrors) })
    }
    return Self.render(lines, titles: shown.map(\.name))
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
  ) -> Line {
    Line(
      title: title,
      values: paths.map { path in
        cell(samples: boots.filter { $0.path == path }.compactMap(value), digits: digits)
      })
  }

  /// The median, and the smallest and largest where there is more than one sample.
  private func cell(samples: [Double], digits: Int) -> String {
    guard let spread = Spread(samples) else { return "-" }
    let median = Self.decimal(spread.median, digits: digits)
    if samples.count == 1 { return median }
    let minimum = Self.decimal(spread.minimum, digits: digits)
    return "\(median) (\(minimum)..\(Self.decimal(spread.maximum, digits: digits)))"
  }

  /// `value` with groups of three digits, which are what tells 100 thousand from a million at a glance.
  static func decimal(_ value: Double, digits: Int) -> String {
    let text = String(format: "%.\(digits)f", value)
    let whole = text.prefix { $0 != "." }
    var grouped = ""
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index).isMultiple(of: 3), whole.dropFirst(index - 1).first != "-" {
        grouped += ","
      }
      grouped.append(digit)
    }
    return grouped + text.dropFirst(whole.count)
  }

  private static func render(_ lines: [Line], titles: [String]) -> String {
    let table = TextTable<Line> { line in
      [Column(title: "", value: line.title)]
        + zip(titles, line.values).map { Column(title: $0, value: $1, align: .right) }
    }
    // The style pads every column, the last one too: nobody wants spaces at the end of a line.
    return (table.string(for: lines, style: Style.simple) ?? "").split(separator: "\n")
      .map { $0.reversed().drop { $0 == " " }.reversed().map(String.init).joined() + "\n" }.joined()
  }
}
