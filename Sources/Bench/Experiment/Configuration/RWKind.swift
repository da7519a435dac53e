/// The workload's pattern, named as fio's `rw` names it.
enum RWKind: String, CaseIterable, Codable, Sendable {
  /// Sequential reads.
  case read
  /// Sequential writes.
  case write
  /// Reads of uniformly random I/O blocks.
  case randread
  /// Writes of uniformly random I/O blocks.
  case randwrite
  /// Reads and writes of random I/O blocks, half and half.
  case randrw

  /// Whether I/O blocks are drawn at random, and not walked in order.
  var isRandom: Bool {
    switch self {
    case .read, .write: false
    case .randread, .randwrite, .randrw: true
    }
  }

  /// Share of reads among the requests, in percent.
  var readPercent: Int {
    switch self {
    case .read, .randread: 100
    case .randrw: 50
    case .write, .randwrite: 0
    }
  }

  /// Whether the workload changes the disk.
  var writes: Bool { readPercent < 100 }
}
