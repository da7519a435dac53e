/// Allocates runs of units whose length is a power of two, at multiples of their length.
///
/// Units are numbers; the caller decides what they stand for. The time of each call is proportional to the number of
/// possible lengths. Only the initializer allocates memory.
struct BuddyAllocator: Sendable {
  private static let none: Int32 = -1

  /// The number of units.
  let unitCount: Int
  /// The largest possible order; a run of order n has 2^n units.
  private let maxOrder: Int
  /// Doubly linked lists of free runs, by their order; links are first units.
  private var heads: [Int32]
  private var next: [Int32]
  private var previous: [Int32]
  /// The order of the free run that begins at a unit.
  private var freeOrders: [Int8]
  /// The order of the allocated run that begins at a unit.
  private var takenOrders: [Int8]
  /// The number of free units.
  private(set) var freeUnitCount: Int

  /// Makes an allocator of `unitCount` free units.
  init(unitCount: Int) {
    precondition(unitCount > 0 && unitCount < Int(Int32.max))
    self.unitCount = unitCount
    maxOrder = Int.bitWidth - 1 - unitCount.leadingZeroBitCount
    heads = Array(repeating: Self.none, count: maxOrder + 1)
    next = Array(repeating: Self.none, count: unitCount)
    previous = next
    freeOrders = Array(repeating: -1, count: unitCount)
    takenOrders = freeOrders
    freeUnitCount = 0
    var unit = 0
    while unit < unitCount {
      var order = min(maxOrder, unit == 0 ? maxOrder : unit.trailingZeroBitCount)
      while unit + 1 << order > unitCount { order -= 1 }
      insert(unit, order)
      freeUnitCount += 1 << order
      unit += 1 << order
    }
  }

  /// The order of the smallest run of at least `unitCount` units.
  static func order(forUnitCount unitCount: Int) -> Int {
    unitCount <= 1 ? 0 : Int.bitWidth - (unitCount - 1).leadingZeroBitCount
  }

  /// Allocates a run of 2^`order` units and returns the first; nil if there is no such run.
  mutating func take(order: Int) -> Int? {
    guard order <= maxOrder, var found = (order...maxOrder).first(where: { heads[$0] != Self.none }) else {
      return nil
    }
    let unit = Int(heads[found])
    remove(unit, found)
    while found > order {
      found -= 1
      insert(unit + 1 << found, found)
    }
    takenOrders[unit] = Int8(order)
    freeUnitCount -= 1 << order
    return unit
  }

  /// Frees the run that begins at `unit`.
  ///
  /// - Precondition: ``take(order:)`` returned `unit`.
  mutating func giveBack(_ unit: Int) {
    precondition(takenOrders[unit] >= 0, "this run was given out")
    var order = Int(takenOrders[unit])
    takenOrders[unit] = -1
    freeUnitCount += 1 << order
    var unit = unit
    while order < maxOrder {
      let buddy = unit ^ 1 << order
      guard buddy + 1 << order <= unitCount, freeOrders[buddy] == Int8(order) else { break }
      remove(buddy, order)
      unit = min(unit, buddy)
      order += 1
    }
    insert(unit, order)
  }

  /// The first unit of the allocated run that contains `unit`; nil if `unit` is free.
  func takenRun(containing unit: Int) -> Int? {
    for order in 0...maxOrder {
      let first = unit & ~(1 << order - 1)
      if takenOrders[first] == Int8(order) { return first }
    }
    return nil
  }

  private mutating func insert(_ unit: Int, _ order: Int) {
    let head = heads[order]
    next[unit] = head
    previous[unit] = Self.none
    if head != Self.none { previous[Int(head)] = Int32(unit) }
    heads[order] = Int32(unit)
    freeOrders[unit] = Int8(order)
  }

  private mutating func remove(_ unit: Int, _ order: Int) {
    if previous[unit] == Self.none {
      heads[order] = next[unit]
    } else {
      next[Int(previous[unit])] = next[unit]
    }
    if next[unit] != Self.none { previous[Int(next[unit])] = previous[unit] }
    freeOrders[unit] = -1
  }
}
