import Testing

@testable import VextClient

struct BuddyAllocatorTests {
  @Test func `runs are aligned to their length and never overlap, and all of them merge again`() throws {
    for unitCount in [1, 7, 64, 1000] {
      var allocator = BuddyAllocator(unitCount: unitCount)
      var generator = SystemRandomNumberGenerator()
      var taken: [Int: Int] = [:]
      for _ in 0..<2000 {
        let order = Int.random(in: 0...4, using: &generator)
        if Bool.random(using: &generator), let unit = allocator.take(order: order) {
          #expect(unit.isMultiple(of: 1 << order) && unit + 1 << order <= unitCount)
          for (other, otherOrder) in taken {
            #expect(unit + 1 << order <= other || other + 1 << otherOrder <= unit)
          }
          taken[unit] = order
        } else if let unit = taken.keys.randomElement(using: &generator) {
          taken[unit] = nil
          allocator.giveBack(unit)
        }
        #expect(allocator.freeUnitCount == unitCount - taken.values.reduce(0) { $0 + 1 << $1 })
      }
      for unit in taken.keys { allocator.giveBack(unit) }
      let largest = Int.bitWidth - 1 - unitCount.leadingZeroBitCount
      #expect(allocator.take(order: largest) == 0)
    }
  }

  @Test func `a run is found by any unit in it, and by none when it is free`() throws {
    var allocator = BuddyAllocator(unitCount: 16)
    let taken = allocator.take(order: 2)
    let unit = try #require(taken)
    #expect(allocator.takenRun(containing: unit + 3) == unit)
    allocator.giveBack(unit)
    #expect(allocator.takenRun(containing: unit + 3) == nil)
  }

  @Test func `an allocation that does not fit is refused`() {
    var allocator = BuddyAllocator(unitCount: 12)
    #expect(allocator.take(order: 4) == nil)
    #expect(allocator.take(order: 3) != nil)
    #expect(allocator.take(order: 3) == nil)
    #expect(allocator.take(order: 2) != nil)
    #expect(allocator.take(order: 0) == nil)
  }
}
