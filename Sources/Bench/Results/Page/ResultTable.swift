/// The metrics of every configuration, summarized over its boots.
enum ResultTable {
  /// One column of the table.
  private struct Value: Sendable {
    let title: String
    let value: @Sendable (FigureBoot) -> Double?
  }

  private static let columns = [
    Value(title: "IOPS") { $0.sample[.iops] },
    Value(title: "latency p50, us") { $0.sample[.latencyP50] },
    Value(title: "latency p99, us") { $0.sample[.latencyP99] },
    Value(title: "vmexits per I/O") { $0.vmexitsPerIO },
    Value(title: "I/O vmexits per I/O") { $0.sample[.ioVMExitsPerIO] },
    Value(title: "I/O threads, us per I/O") { $0.ioThreadMicrosecondsPerIO },
    Value(title: "vCPUs, us per I/O") { $0.vcpuMicrosecondsPerIO },
  ]

  /// The table of `boots`: a line for each configuration, in the order of the workloads.
  static func table(_ boots: [FigureBoot]) -> ReportTable {
    var order: [ConfigurationKey] = []
    var bootsByKey: [ConfigurationKey: [FigureBoot]] = [:]
    for boot in boots {
      let key = boot.sample.configuration
      if bootsByKey[key] == nil { order.append(key) }
      bootsByKey[key, default: []].append(boot)
    }
    let varying = ConfigurationKey.varyingColumns(of: order)
    var table = ReportTable(
      headings: [.init(title: "configuration"), .init(title: "boots", isNumber: true)]
        + columns.map { .init(title: $0.title, isNumber: true) } + [.init(title: "not to be trusted")])
    let named = order.map { ($0, title: $0.title(varying: varying)) }
    for (key, title) in named.sorted(by: { $0.title < $1.title }) {
      let boots = bootsByKey[key] ?? []
      table.lines.append(
        [title, String(boots.count)] + columns.map { column in cell(boots.compactMap(column.value)) }
          + [doubts(boots)])
    }
    return table
  }

  /// `steal 2, load 1`: how many of `boots` have each issue.
  static func doubts(_ boots: [FigureBoot]) -> String {
    TrustIssue.allCases.compactMap { issue in
      let count = boots.count { $0.sample.doubts.contains(issue) }
      return count > 0 ? "\(issue.rawValue) \(count)" : nil
    }.joined(separator: ", ")
  }

  private static func cell(_ samples: [Double]) -> String {
    guard let spread = Spread(samples) else { return "-" }
    let median = NumberText.text(spread.median)
    return samples.count == 1
      ? median : "\(median) (\(NumberText.text(spread.minimum))..\(NumberText.text(spread.maximum)))"
  }
}
