import HostSystem

/// Which writes since the last flush have arrived when the machine dies.
struct CrashState: CustomStringConvertible {
  /// A part of a write.
  struct Piece: Equatable {
    let write: Int
    let bytes: Range<Int>
  }

  let window: Int
  /// The writes that were issued.
  let issued: Int
  /// What did not arrive of them.
  var missing: [Piece] = []

  var description: String {
    var text = "window \(window), \(issued) writes"
    for piece in missing {
      text += ", without bytes \(piece.bytes.lowerBound)..<\(piece.bytes.upperBound) of \(piece.write)"
    }
    return text
  }
}

/// The states of one workload that are checked.
struct CrashPlan {
  private(set) var states: [CrashState] = []
  /// Subsets of requests that were left out.
  private(set) var leftOutCount = 0

  /// Chooses the states: every beginning of the writes, each last write torn once, every subset in which one or two requests
  /// before the last one are missing, or `limit` of these at random, and `blockStateCount` states in which single blocks of
  /// requests are missing.
  init(
    _ history: CrashHistory, blockByteCount: Int, limit: Int, blockStateCount: Int, random: inout SplitMix64
  ) {
    for (index, window) in history.windows.enumerated() {
      addBeginnings(index, window.writes, isLast: index == history.windows.count - 1, &random)
    }
    let counts = history.windows.map { Self.subsetCount($0.writes.count) }
    let total = counts.reduce(0, +)
    if total <= limit {
      for (index, window) in history.windows.enumerated() { addSubsets(index, window.writes) }
    } else {
      leftOutCount = total - limit
      for _ in 0..<limit { addSubset(of: history, counts, total, &random) }
    }
    addBlockStates(history, blockByteCount, blockStateCount, &random)
    states.sort { $0.window < $1.window }
  }

  private static func whole(_ index: Int, _ writes: [CrashHistory.Write]) -> CrashState.Piece {
    CrashState.Piece(write: index, bytes: 0..<writes[index].byteCount)
  }

  // MARK: Beginnings

  private mutating func addBeginnings(
    _ window: Int, _ writes: [CrashHistory.Write], isLast: Bool, _ random: inout SplitMix64
  ) {
    // All of a window's writes are the next window's beginning, unless there is none.
    for issued in 0...(isLast ? writes.count : max(writes.count - 1, 0)) {
      states.append(CrashState(window: window, issued: issued))
    }
    for (index, write) in writes.enumerated() where Self.mayTear(write) {
      let unit = write.byteCount > 4096 && random.oneIn(2) ? 4096 : 512
      let cut = (1 + random.below((write.byteCount - 1) / unit)) * unit
      let bytes = random.oneIn(2) ? 0..<cut : cut..<write.byteCount
      states.append(
        CrashState(
          window: window, issued: index + 1, missing: [CrashState.Piece(write: index, bytes: bytes)]))
    }
  }

  /// A superblock is written in one piece, as ext4 too takes for granted: its checksum is in its second sector.
  private static func mayTear(_ write: CrashHistory.Write) -> Bool {
    write.byteCount > 512 && (write.offset >= 2048 || write.offset + write.byteCount <= 1024)
  }

  // MARK: Subsets of requests

  /// The number of ways to leave out one or two of the writes before the last one, over all numbers of writes that were
  /// issued.
  private static func subsetCount(_ count: Int) -> Int {
    (0..<max(count, 1)).reduce(0) { $0 + $1 + $1 * ($1 - 1) / 2 }
  }

  private mutating func addSubsets(_ window: Int, _ writes: [CrashHistory.Write]) {
    for issued in 2..<max(writes.count + 1, 2) {
      for first in 0..<issued - 1 {
        let one = Self.whole(first, writes)
        states.append(CrashState(window: window, issued: issued, missing: [one]))
        for second in first + 1..<max(issued - 1, first + 1) {
          states.append(
            CrashState(window: window, issued: issued, missing: [one, Self.whole(second, writes)]))
        }
      }
    }
  }

  private mutating func addSubset(
    of history: CrashHistory, _ counts: [Int], _ total: Int, _ random: inout SplitMix64
  ) {
    var rank = random.below(total)
    var window = 0
    while rank >= counts[window] {
      rank -= counts[window]
      window += 1
    }
    let writes = history.windows[window].writes
    // As the subsets are distributed, most are of many writes.
    let issued = max(2, writes.count - min(random.below(writes.count - 1), random.below(writes.count - 1)))
    let first = random.below(issued - 1)
    let second = random.below(issued - 1)
    let missing = first == second ? [first] : [min(first, second), max(first, second)]
    states.append(
      CrashState(window: window, issued: issued, missing: missing.map { Self.whole($0, writes) }))
  }

  // MARK: Blocks of requests

  private mutating func addBlockStates(
    _ history: CrashHistory, _ blockByteCount: Int, _ count: Int, _ random: inout SplitMix64
  ) {
    let windows = history.windows.indices.filter { !history.windows[$0].writes.isEmpty }
    for _ in 0..<count {
      guard let window = random.element(windows) else { return }
      let writes = history.windows[window].writes
      let issued = random.oneIn(3) ? 1 + random.below(writes.count) : writes.count
      let missing = (0...random.below(2)).compactMap { _ -> CrashState.Piece? in
        let index = random.below(issued)
        let write = writes[index]
        let first = random.below((write.byteCount + blockByteCount - 1) / blockByteCount) * blockByteCount
        let piece = first..<min(first + blockByteCount, write.byteCount)
        return CrashState.Piece(write: index, bytes: piece)
      }
      states.append(CrashState(window: window, issued: issued, missing: missing))
    }
  }
}
