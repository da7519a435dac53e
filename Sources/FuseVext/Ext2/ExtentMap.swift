/// The places of a file's blocks: runs in rising order without overlap; the gaps between them are holes.
struct ExtentMap: Sendable {
  private(set) var runs: [Run] = []

  init() {}

  /// Joins neighbours. Nil if the runs do not rise.
  init?(_ unjoined: [Run]) {
    for run in unjoined {
      if let last = runs.last {
        guard run.logical >= last.logicalEnd else { return nil }
        if last.continues(in: run) {
          runs[runs.count - 1].count += run.count
          continue
        }
      }
      runs.append(run)
    }
  }

  /// The end of the last run.
  var end: UInt64 { runs.last?.logicalEnd ?? 0 }

  /// The position of the first run that ends after `block`.
  func firstIndex(endingAfter block: UInt64) -> Int {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].logicalEnd > block { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The run that holds `block`, or the first one after it.
  func run(atOrAfter block: UInt64) -> Run? {
    let index = firstIndex(endingAfter: block)
    return index < runs.count ? runs[index] : nil
  }

  /// The last run that ends at `block` or before.
  func run(before block: UInt64) -> Run? {
    var index = firstIndex(endingAfter: block)
    if index < runs.count, runs[index].logical < block { return runs[index].clipped(to: 0..<block) }
    index -= 1
    return index >= 0 ? runs[index] : nil
  }

  /// Whether a range, which is not empty, has blocks.
  func hasRuns(in range: Range<UInt64>) -> Bool {
    run(atOrAfter: range.lowerBound).map { $0.logical < range.upperBound } ?? false
  }

  /// Whether every block of the range holds data.
  func isWritten(_ range: Range<UInt64>) -> Bool {
    var block = range.lowerBound
    var index = firstIndex(endingAfter: block)
    while block < range.upperBound {
      guard index < runs.count, runs[index].logical <= block, runs[index].state != .unwritten else {
        return false
      }
      block = runs[index].logicalEnd
      index += 1
    }
    return true
  }

  /// The holes of a range.
  func holes(in range: Range<UInt64>) -> [Range<UInt64>] {
    var holes: [Range<UInt64>] = []
    var block = range.lowerBound
    var index = firstIndex(endingAfter: block)
    while block < range.upperBound {
      let next = index < runs.count ? min(runs[index].logical, range.upperBound) : range.upperBound
      if next > block { holes.append(block..<next) }
      block = index < runs.count ? max(runs[index].logicalEnd, block) : range.upperBound
      index += 1
    }
    return holes
  }

  /// Replaces what the range has by `replacements`, which lie within it and rise.
  mutating func replace(_ range: Range<UInt64>, with replacements: [Run]) {
    guard !range.isEmpty else { return }
    let first = firstIndex(endingAfter: range.lowerBound)
    var end = first
    var middle: [Run] = []
    if first < runs.count, runs[first].logical < range.lowerBound {
      middle.append(runs[first].clipped(to: 0..<range.lowerBound))
    }
    middle += replacements
    while end < runs.count, runs[end].logical < range.upperBound { end += 1 }
    if end > first, runs[end - 1].logicalEnd > range.upperBound {
      middle.append(runs[end - 1].clipped(to: range.upperBound..<UInt64.max))
    }
    // The neighbours take part in the joining.
    var lower = first
    if lower > 0 {
      lower -= 1
      middle.insert(runs[lower], at: 0)
    }
    if end < runs.count {
      middle.append(runs[end])
      end += 1
    }
    var joined: [Run] = []
    for run in middle {
      if let last = joined.last, last.continues(in: run) {
        joined[joined.count - 1].count += run.count
      } else {
        joined.append(run)
      }
    }
    runs.replaceSubrange(lower..<end, with: joined)
  }

  /// Marks the unwritten blocks of a range as pending; written blocks keep their state.
  mutating func markPending(_ range: Range<UInt64>) {
    var index = firstIndex(endingAfter: range.lowerBound)
    var changes: [Run] = []
    while index < runs.count, runs[index].logical < range.upperBound {
      if runs[index].state == .unwritten {
        var run = runs[index].clipped(to: range)
        run.state = .pending
        changes.append(run)
      }
      index += 1
    }
    for run in changes { replace(run.logical..<run.logicalEnd, with: [run]) }
  }

  /// The first runs from a block on that the disk's structures do not know to hold data, as many as one step may change.
  func pendingRuns(from block: UInt64, _ meter: StepMeter) -> [Run] {
    var meter = meter
    var result: [Run] = []
    for var run in runs[firstIndex(endingAfter: block)...] where run.state == .pending {
      run = run.clipped(to: block..<UInt64.max)
      let count = meter.takeFirst(of: run)
      if count > 0 { result.append(run.clipped(to: run.logical..<run.logical + count)) }
      if count < run.count { break }
    }
    return result
  }

  /// Whether the disk's structures do not know of all data from a block on.
  func hasPendingRuns(from block: UInt64) -> Bool {
    runs[firstIndex(endingAfter: block)...].contains { $0.state == .pending }
  }

  /// Records that the disk's structures know all data before a block.
  mutating func markWritten(below block: UInt64) {
    var all: [Run] = []
    all.reserveCapacity(runs.count)
    for var run in runs {
      if run.state == .pending, run.logical < block {
        let known = run.clipped(to: 0..<block)
        all.append(Run(logical: known.logical, physical: known.physical, count: known.count, state: .written))
        guard known.count < run.count else { continue }
        run = run.clipped(to: block..<UInt64.max)
      }
      all.append(run)
    }
    self = ExtentMap(all) ?? self
  }
}
