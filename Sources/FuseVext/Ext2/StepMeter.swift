/// Measures how many blocks of structures a change of a file's blocks touches, to cut a long change into steps.
///
/// A step of the journal is bounded: see ``FileSystem/change(_:_:)``. The meter counts block groups, whose bitmaps change, pointer
/// blocks, and runs, which stand for entries of an extent tree.
struct StepMeter {
  private static let groupLimit = 24
  private static let pointerBlockLimit = 20
  private static let runLimit = 512

  private let firstDataBlock: UInt64
  private let blocksPerGroup: UInt64
  /// The pointers of one pointer block; nil for a file of extents.
  private let pointerCount: UInt64?
  private var groups: Set<UInt64> = []
  private var pointerBlocks: Set<UInt64> = []
  private var runCount = 0

  init(firstDataBlock: UInt64, blocksPerGroup: UInt64, pointerCount: UInt64?) {
    self.firstDataBlock = firstDataBlock
    self.blocksPerGroup = max(blocksPerGroup, 1)
    self.pointerCount = pointerCount
  }

  /// Counts as many blocks from the beginning of a run as the step has room for. Returns their number.
  mutating func takeFirst(of run: Run) -> UInt64 {
    guard takeRun() else { return 0 }
    var taken: UInt64 = 0
    while taken < run.count {
      let group = groupRange(of: run.physical + taken)
      let pointers = pointerRange(of: run.logical + taken)
      guard take(group, pointers) else { break }
      taken += min(
        run.count - taken, group.upperBound - (run.physical + taken),
        pointers.upperBound - (run.logical + taken))
    }
    return taken
  }

  /// Counts as many blocks from the end of a run as the step has room for. Returns their number.
  mutating func takeLast(of run: Run) -> UInt64 {
    guard takeRun() else { return 0 }
    var taken: UInt64 = 0
    while taken < run.count {
      let rest = run.count - taken
      let group = groupRange(of: run.physical + rest - 1)
      let pointers = pointerRange(of: run.logical + rest - 1)
      guard take(group, pointers) else { break }
      taken += min(rest, run.physical + rest - group.lowerBound, run.logical + rest - pointers.lowerBound)
    }
    return taken
  }

  private mutating func takeRun() -> Bool {
    runCount += 1
    return runCount <= Self.runLimit
  }

  private mutating func take(_ group: Range<UInt64>, _ pointers: Range<UInt64>) -> Bool {
    if !groups.contains(group.lowerBound) {
      guard groups.count < Self.groupLimit else { return false }
      groups.insert(group.lowerBound)
    }
    guard pointerCount != nil, !pointerBlocks.contains(pointers.lowerBound) else { return true }
    guard pointerBlocks.count < Self.pointerBlockLimit else { return false }
    pointerBlocks.insert(pointers.lowerBound)
    return true
  }

  /// The blocks of the device that share a bitmap with one.
  private func groupRange(of block: UInt64) -> Range<UInt64> {
    let first = firstDataBlock + (block - min(firstDataBlock, block)) / blocksPerGroup * blocksPerGroup
    return min(first, block)..<first + blocksPerGroup
  }

  /// The blocks of the file to which one block points, of which one is `block`.
  private func pointerRange(of block: UInt64) -> Range<UInt64> {
    let direct = UInt64(BlockMapShape.directCount)
    guard let pointerCount else { return 0..<UInt64.max }
    guard block >= direct else { return 0..<direct }
    let first = direct + (block - direct) / pointerCount * pointerCount
    return first..<first + pointerCount
  }
}

extension ExtentMap {
  /// The last part of a range that one step can free. It is as long as the range if the rest of it is a hole.
  func lastStep(of range: Range<UInt64>, _ meter: StepMeter) -> Range<UInt64> {
    var meter = meter
    var first = range.upperBound
    var index = firstIndex(endingAfter: range.upperBound)
    if index == runs.count || runs[index].logical >= range.upperBound { index -= 1 }
    while index >= 0, runs[index].logicalEnd > range.lowerBound {
      let run = runs[index].clipped(to: range)
      let count = meter.takeLast(of: run)
      if count > 0 { first = run.logicalEnd - count }
      if count < run.count { return first..<range.upperBound }
      index -= 1
    }
    return range
  }
}
