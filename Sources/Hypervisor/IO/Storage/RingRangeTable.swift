import HostSystem
import SystemPackage

/// A range of a disk that the kernel discards or zeroes.
struct RingRange: BitwiseCopyable {
  /// The token that the queue gave it.
  var token: UInt64
  var offset: UInt64
  var byteCount: UInt64
  var file: IOUringFile
  var change: IOUring.RangeChange
}

/// The ranges in flight. Allocated once, with room for every request of the engine.
struct RingRangeTable: ~Copyable {
  private let ranges: FixedTable<RingRange>
  /// A stack of the free indices.
  private let free: FixedTable<UInt32>
  private var freeCount: Int

  /// - Throws: ENOMEM.
  init(capacity: Int) throws(Errno) {
    let ranges = try FixedTable(
      repeating: RingRange(
        token: 0, offset: 0, byteCount: 0, file: IOUringFile(descriptor: -1), change: .punchHole),
      count: capacity)
    let free = try FixedTable(repeating: 0 as UInt32, count: capacity)
    for index in 0..<capacity { free[index] = UInt32(truncatingIfNeeded: index) }
    self.ranges = ranges
    self.free = free
    freeCount = capacity
  }

  /// Adds `range` and returns its index.
  mutating func add(_ range: RingRange) -> Int {
    precondition(freeCount > 0, "there are no more ranges than requests")
    freeCount -= 1
    let index = Int(free[freeCount])
    ranges[index] = range
    return index
  }

  /// Removes the range at `index`.
  mutating func remove(_ index: Int) {
    precondition(freeCount < free.count && index < ranges.count)
    free[freeCount] = UInt32(truncatingIfNeeded: index)
    freeCount += 1
  }

  /// The range at `index`.
  subscript(index: Int) -> RingRange {
    get { ranges[index] }
    set { ranges[index] = newValue }
  }
}
