/// What a boot's guests did: the pattern and the size of requests.
struct FigureWorkload: Hashable, Sendable {
  /// The pattern, as fio names it.
  let rw: String
  /// Bytes per request.
  let blockBytes: UInt64

  /// The workload of `row`.
  init(_ row: Row) throws(CSVText.Fault) {
    rw = row.text(\.rw) ?? ""
    let bytes = try row.integer(\.blockBytes)
    guard bytes > 0 else { throw CSVText.Fault(line: row.line, reason: "block_bytes is \(bytes)") }
    blockBytes = UInt64(bytes)
  }

  /// `randread 4k`.
  var name: String { "\(rw) \(ByteSize(byteCount: blockBytes))" }

  /// Order on an axis: random before sequential, reads before writes, small before large.
  static func precedes(_ left: FigureWorkload, _ right: FigureWorkload) -> Bool { left.rank < right.rank }

  /// The pattern's place on an axis; patterns that only fio knows come last.
  var patternRank: Int {
    let known: [RWKind] = [.randread, .randwrite, .randrw, .read, .write]
    return RWKind(rawValue: rw).flatMap { known.firstIndex(of: $0) } ?? known.count
  }

  private var rank: (Int, String, UInt64) {
    (patternRank, rw, blockBytes)
  }
}
