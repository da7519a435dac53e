import Hypervisor

/// What happened between two snapshots of a service, as a table.
struct ServiceTable {
  private let earlier: VextServiceSnapshot
  private let later: VextServiceSnapshot

  init(from earlier: VextServiceSnapshot, to later: VextServiceSnapshot) {
    self.earlier = earlier
    self.later = later
  }

  private static let columns = [
    "client", "process", "user", "disk", "queues", "iops", "MiB/s", "p50 us", "p99 us", "p99.9 us",
    "in flight",
    "weight", "limited",
  ]

  /// A line for the I/O threads, the head, and a line for each client.
  var text: String {
    let rows = [Self.columns] + later.clients.map(row)
    let widths = Self.columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { row in
      row.indices.map { Self.padded(row[$0], widths[$0]) }.joined(separator: "  ")
    }
    return ([threads] + lines).joined(separator: "\n")
  }

  private var seconds: Double {
    later.nanoseconds > earlier.nanoseconds ? Double(later.nanoseconds - earlier.nanoseconds) / 1e9 : 0
  }

  private var threads: String {
    let shares = later.threadNanoseconds.enumerated().map { index, time -> String in
      let before = earlier.threadNanoseconds.indices.contains(index) ? earlier.threadNanoseconds[index] : 0
      let share = seconds > 0 && time > before ? Double(time - before) / 1e9 / seconds : 0
      let queues = later.placement.flatMap {
        $0.queueCounts.indices.contains(index) ? $0.queueCounts[index] : nil
      }
      return "io\(index) \(Self.number(100 * share, digits: 0)) % CPU"
        + (queues.map { " \($0) queues" } ?? "")
    }
    let moves = later.placement.map { "; \($0.moveCount) moves" } ?? ""
    return "\(later.clients.count) clients; " + shares.joined(separator: ", ") + moves
  }

  private func row(_ client: VextServiceSnapshot.Client) -> [String] {
    // One that has come meanwhile has done everything since.
    let before = earlier.clients.first { $0.number == client.number }?.statistics ?? DiskStatistics()
    let now = client.statistics
    let latencies = now.latencies.since(before.latencies)
    func rate(_ later: UInt64, _ earlier: UInt64) -> Double {
      seconds > 0 && later > earlier ? Double(later - earlier) / seconds : 0
    }
    let bytes = rate(now.readBytes &+ now.writtenBytes, before.readBytes &+ before.writtenBytes)
    let times = [0.5, 0.99, 0.999].map { part in
      latencies.nanoseconds(within: part).map { Self.number($0 / 1000, digits: 1) } ?? "-"
    }
    return [
      "\(client.number)", "\(client.processID)", "\(client.userID)", client.disk, "\(client.queueCount)",
      Self.number(rate(now.finished, before.finished), digits: 0), Self.number(bytes / 1_048_576, digits: 1),
    ] + times + ["\(now.inFlight)", "\(client.weight)", client.isHeldBack ? "yes" : "no"]
  }

  /// The decimal text of a number, with `digits` digits after the point.
  static func number(_ value: Double, digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = UInt64(min(max((value * scale).rounded(), 0), 1e18))
    guard digits > 0 else { return "\(scaled)" }
    let unit = UInt64(scale)
    let fraction = "\(scaled % unit)"
    return "\(scaled / unit)." + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(width - text.count, 0)) + text
  }
}
