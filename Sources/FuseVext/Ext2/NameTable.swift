/// Finds records of a directory by the hash of their names: 8 bytes a slot, and half of the slots or more in use, so that a
/// directory takes about as much memory as it takes on the disk.
///
/// The table knows no names. Its user compares the name at each position that it is offered.
struct NameTable {
  /// Records begin at multiples of 4 bytes, and a position has 32 bits here.
  static let byteLimit: UInt64 = (1 << 32 - 2) * 4

  private static let empty = UInt64.max
  private static let removed = UInt64.max - 1

  /// The hash above the position in units of 4 bytes.
  private var slots: [UInt64] = Array(repeating: empty, count: 8)
  private(set) var count = 0
  /// The slots that are not empty.
  private var usedCount = 0

  /// The hash of a name. It differs from process to process, so that no image can make names collide.
  static func hash(_ name: [UInt8]) -> UInt32 {
    var hasher = Hasher()
    // Eight bytes at a time: the hasher mixes once for each number.
    var index = 0
    while index < name.count {
      let byteCount = min(8, name.count - index)
      hasher.combine(name.word(index, byteCount))
      index += byteCount
    }
    hasher.combine(name.count)
    return UInt32(truncatingIfNeeded: hasher.finalize())
  }

  /// The position of the first record with a hash that `matches`; nil for none.
  func first<Failure: Error>(
    _ hash: UInt32, where matches: (UInt64) throws(Failure) -> Bool
  ) throws(Failure) -> UInt64? {
    var index = Int(hash) & (slots.count - 1)
    while slots[index] != Self.empty {
      if slots[index] != Self.removed, UInt32(truncatingIfNeeded: slots[index] >> 32) == hash {
        let position = Self.position(slots[index])
        if try matches(position) { return position }
      }
      index = (index + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Adds a record, which begins below ``byteLimit``.
  mutating func insert(_ hash: UInt32, at position: UInt64) {
    if (usedCount + 1) * 4 > slots.count * 3 { rebuild() }
    put(UInt64(hash) << 32 | position / 4)
    count += 1
  }

  /// Removes a record.
  mutating func remove(_ hash: UInt32, at position: UInt64) {
    let sought = UInt64(hash) << 32 | position / 4
    var index = Int(hash) & (slots.count - 1)
    while slots[index] != Self.empty {
      if slots[index] == sought {
        slots[index] = Self.removed
        count -= 1
        return
      }
      index = (index + 1) & (slots.count - 1)
    }
  }

  private static func position(_ slot: UInt64) -> UInt64 { (slot & 0xFFFF_FFFF) * 4 }

  private mutating func put(_ slot: UInt64) {
    var index = Int(slot >> 32) & (slots.count - 1)
    while slots[index] != Self.empty { index = (index + 1) & (slots.count - 1) }
    slots[index] = slot
    usedCount += 1
  }

  /// Makes room, and forgets the slots of removed records.
  private mutating func rebuild() {
    let old = slots
    let size = count * 2 >= old.count ? old.count * 2 : old.count
    slots = Array(repeating: Self.empty, count: size)
    usedCount = 0
    for slot in old where slot < Self.removed { put(slot) }
  }
}
