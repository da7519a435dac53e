import SystemPackage

/// Large changes of a file, divided into steps of the journal's transactions: each leaves consistent structures, and changes a
/// bounded number of their blocks.
extension FileSystem {
  /// The runs that one step frees at most: about as many as a node of an extent tree holds.
  private static let largestRunCount = 256
  /// The block groups that one step frees blocks of, at most, if they are neighbours.
  private static let largestGroupCount: UInt64 = 32

  /// The blocks that one bitmap is for.
  private var groupBlockCount: UInt64 { UInt64(blockByteCount) * 8 }

  /// The last part of a range that one step may free.
  private func lastStep(of range: Range<UInt64>, map: ExtentMap) -> Range<UInt64> {
    var groupCount: UInt64 = 0
    var runCount = 0
    var index = map.firstIndex(endingAfter: range.upperBound - 1)
    if index == map.runs.count || map.runs[index].logical >= range.upperBound { index -= 1 }
    var start = range.upperBound
    while index >= 0, map.runs[index].logicalEnd > range.lowerBound, runCount < Self.largestRunCount {
      let run = map.runs[index].clipped(to: range)
      let room = (Self.largestGroupCount - groupCount) * groupBlockCount
      if run.count > room { return max(run.logicalEnd - room, range.lowerBound)..<range.upperBound }
      start = run.logical
      groupCount += run.count / groupBlockCount + 1
      runCount += 1
      index -= 1
      if groupCount >= Self.largestGroupCount { break }
    }
    let isLast = index < 0 || map.runs[index].logicalEnd <= range.lowerBound
    return (isLast ? range.lowerBound : start)..<range.upperBound
  }

  /// Frees the blocks of a range, from its end on.
  ///
  /// - Parameters:
  ///   - map: Where the blocks are.
  ///   - free: Frees a part of the range, as one step; `isLast` for the one that begins where the range does.
  func freeInSteps(
    _ range: Range<UInt64>, map: ExtentMap, _ free: (Range<UInt64>, _ isLast: Bool) throws(Errno) -> Void
  ) throws(Errno) {
    var rest = range
    while true {
      let step = rest.isEmpty ? rest : lastStep(of: rest, map: map)
      try free(step, step.lowerBound == range.lowerBound)
      if step.lowerBound == range.lowerBound { return }
      rest = rest.lowerBound..<step.lowerBound
    }
  }

  /// Fills a range in parts, each of which is one step.
  func fillInSteps(
    _ range: Range<UInt64>, _ fill: (Range<UInt64>) throws(Errno) -> Void
  ) throws(Errno) {
    var first = range.lowerBound
    while first < range.upperBound {
      let end = min(range.upperBound, first + groupBlockCount)
      try fill(first..<end)
      first = end
    }
  }
}
