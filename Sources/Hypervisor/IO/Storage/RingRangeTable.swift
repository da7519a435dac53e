import HostSystem

/// A range of a disk that the kernel discards or zeroes.
struct RingRange: BitwiseCopyable {
  /// The token that the queue gave it.
  var token: UInt64
  var offset: UInt64
  var byteCount: UInt64
  var file: IOUringFile
  var change: IOUring.RangeChange
}

/// The ranges under way. Allocated once, with room for every request of the engine.
@safe
struct RingRangeTable: ~Copyable {
  private let ranges: UnsafeMutablePointer<RingRange>
  /// A stack of the free indices.
  private let free: UnsafeMutablePointer<UInt32>
  private var freeCount: Int
  private let capacity: Int

  init(capacity: Int) {
    unsafe ranges = .allocate(capacity: capacity)
    unsafe ranges.initialize(
      repeating: RingRange(
        token: 0, offset: 0, byteCount: 0, file: IOUringFile(descriptor: -1), change: .punchHole),
      count: capacity)
    unsafe free = .allocate(capacity: capacity)
    for index in 0..<capacity { unsafe (free + index).initialize(to: UInt32(truncatingIfNeeded: index)) }
    freeCount = capacity
    self.capacity = capacity
  }

  deinit {
    unsafe ranges.deallocate()
    unsafe free.deallocate()
  }

  /// Adds `range` and returns its index.
  mutating func add(_ range: RingRange) -> Int {
    precondition(freeCount > 0, "there are no more ranges than requests")
    freeCount -= 1
    let index = unsafe Int(free[freeCount])
    self[index] = range
    return index
  }

  /// Removes the range at `index`.
  mutating func remove(_ index: Int) {
    precondition(freeCount < capacity && index < capacity)
    unsafe free[freeCount] = UInt32(truncatingIfNeeded: index)
    freeCount += 1
  }

  /// The range at `index`.
  subscript(index: Int) -> RingRange {
    get {
      precondition(index >= 0 && index < capacity)
      return unsafe ranges[index]
    }
    set {
      precondition(index >= 0 && index < capacity)
      unsafe ranges[index] = newValue
    }
  }
}
