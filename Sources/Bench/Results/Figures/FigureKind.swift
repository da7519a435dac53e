/// The figures that bench draws. Their names are those of the files.
enum FigureKind: String, CaseIterable, Sendable {
  case throughput
  case vmexits
  case latency
  case guests
  case cpuCost = "cpu-cost"
  case depth

  /// What stands above the figure.
  var title: String {
    switch self {
    case .throughput: "Throughput by workload and data path"
    case .vmexits: "vmexits per I/O by data path"
    case .latency: "Latency distribution by data path"
    case .guests: "Throughput against guests per I/O thread"
    case .cpuCost: "CPU cost per I/O by data path"
    case .depth: "Throughput and latency against the queue depth"
    }
  }

  /// What rows must have for it.
  var need: String {
    switch self {
    case .throughput: "requests that were answered"
    case .vmexits: "requests that were answered, and exits"
    case .latency: "latency histograms: the JSON files that bench writes beside rows"
    case .guests: "boots that differ in --guests (or --busy-guests) alone, with two numbers of them or more"
    case .cpuCost: "requests that were answered, and CPU times"
    case .depth: "boots that differ in --iodepth alone, with two depths or more"
    }
  }

  /// The columns that the figure shows, besides the data path.
  var varyingColumns: Set<String> {
    switch self {
    case .throughput: RecordColumns.names { [$0.rw, $0.blockBytes, $0.regionBytes] }
    case .vmexits, .latency, .cpuCost: []
    case .guests: RecordColumns.names { [$0.guests, $0.busyGuests] }
    case .depth: RecordColumns.names { [$0.iodepth] }
    }
  }

  /// Whether its figures are times, which mean nothing on some hosts.
  var showsTimes: Bool { self != .vmexits }

  /// The drawing of the boots that show most; nil where ``need`` is not met.
  func drawing(of runs: FigureRuns) -> Drawing? {
    let usable = runs.boots.filter { ($0.sample[.iops] ?? 0) > 0 }
    switch self {
    case .throughput: return ThroughputFigure.drawing(usable, runs)
    case .vmexits: return StackFigure.vmexits(usable, runs)
    case .latency: return LatencyFigure.drawing(usable.filter { $0.latencies != nil }, runs)
    case .guests: return GuestsFigure.drawing(usable, runs)
    case .cpuCost: return StackFigure.cpuCost(usable, runs)
    case .depth: return DepthFigure.drawing(usable, runs)
    }
  }
}
