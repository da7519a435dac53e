/// Which writes since the last flush have arrived when the machine dies.
struct CrashState: CustomStringConvertible {
  let window: Int
  /// The writes that were issued.
  let issued: Int
  /// Two at most of them, but not the last, did not arrive.
  var dropped: [Int] = []
  /// Of the last write only these bytes arrived; nil for all.
  var arrived: Range<Int>?

  var description: String {
    var text = "window \(window), \(issued) writes"
    if !dropped.isEmpty { text += ", without \(dropped.map(String.init).joined(separator: " and "))" }
    if let arrived { text += ", of the last bytes \(arrived.lowerBound)..<\(arrived.upperBound)" }
    return text
  }
}

/// The states of one workload that are checked.
struct CrashPlan {
  private(set) var states: [CrashState] = []
  /// States that were left out.
  private(set) var leftOutCount = 0

  /// Every beginning of the writes, each last write torn once, and as many of the subsets as there is room for, at random
  /// if not all.
  init(_ history: CrashHistory, limit: Int, random: inout CrashRandom) {
    let windows = history.windows
    for (index, window) in windows.enumerated() {
      // All of a window's writes: the next window's beginning, unless there is none.
      let last = index == windows.count - 1 ? window.writes.count : max(window.writes.count - 1, 0)
      for issued in 0...last { states.append(CrashState(window: index, issued: issued)) }
      for (position, write) in window.writes.enumerated() where Self.mayTear(write) {
        let unit = write.byteCount > 4096 && random.oneIn(2) ? 4096 : 512
        let cut = (1 + random.below((write.byteCount - 1) / unit)) * unit
        states.append(
          CrashState(
            window: index, issued: position + 1,
            arrived: random.oneIn(2) ? 0..<cut : cut..<write.byteCount))
      }
    }
    let counts = windows.map { Self.subsetCount($0.writes.count) }
    let total = counts.reduce(0, +)
    let room = max(limit - states.count, 0)
    if total <= room {
      for (index, window) in windows.enumerated() { addSubsets(index, window.writes.count) }
    } else {
      leftOutCount = total - room
      addSample(of: counts, total, room, windows.map(\.writes.count), &random)
    }
    states.sort { $0.window < $1.window }
  }

  /// A superblock is written in one piece, as ext4 too takes for granted: its checksum is in its second sector.
  private static func mayTear(_ write: CrashHistory.Write) -> Bool {
    write.byteCount > 512 && (write.offset >= 2048 || write.offset + write.byteCount <= 1024)
  }

  /// The number of ways to leave out one or two of the first writes, over all numbers of writes that were issued: the last
  /// one of these is there, as it would be a shorter beginning without.
  private static func subsetCount(_ count: Int) -> Int {
    (0..<max(count, 1)).reduce(0) { $0 + $1 + $1 * ($1 - 1) / 2 }
  }

  private mutating func addSubsets(_ window: Int, _ count: Int) {
    for issued in 2..<max(count + 1, 2) {
      for first in 0..<issued - 1 {
        states.append(CrashState(window: window, issued: issued, dropped: [first]))
        for second in first + 1..<max(issued - 1, first + 1) {
          states.append(CrashState(window: window, issued: issued, dropped: [first, second]))
        }
      }
    }
  }

  private mutating func addSample(
    of counts: [Int], _ total: Int, _ room: Int, _ writeCounts: [Int], _ random: inout CrashRandom
  ) {
    for _ in 0..<room {
      var rank = random.below(total)
      guard
        let window = counts.firstIndex(where: { count in
          defer { rank -= count }
          return rank < count
        })
      else { continue }
      let count = writeCounts[window]
      // As the subsets are distributed, most are of many writes.
      let issued = max(2, count - min(random.below(count - 1), random.below(count - 1)))
      let first = random.below(issued - 1)
      let second = random.below(issued - 1)
      let dropped = first == second ? [first] : [min(first, second), max(first, second)]
      states.append(CrashState(window: window, issued: issued, dropped: dropped))
    }
  }
}
