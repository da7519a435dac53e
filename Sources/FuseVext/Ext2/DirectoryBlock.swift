/// The records of one block of a directory (ext4's `struct ext4_dir_entry_2`), every field checked against the block.
struct DirectoryBlock {
  /// A record of a directory block.
  struct Record {
    /// The offset of the record in the block.
    let offset: Int
    let byteCount: Int
    /// 0 for a free record.
    let inode: UInt32
    let nameByteCount: Int
    /// `EXT2_FT_`, or 0 in old file systems.
    let type: UInt8
    /// The bytes that it does not need.
    var slack: Int {
      inode == 0 ? byteCount : byteCount - DirectoryBlock.recordByteCount(name: nameByteCount)
    }
  }

  /// The last record of a block with a checksum (`struct ext4_dir_entry_tail`).
  static let tailByteCount = 12

  private(set) var bytes: [UInt8]
  let hasTail: Bool

  /// Takes over a block.
  ///
  /// - Parameter hasChecksums: Whether the file system has them; interior nodes of an index have no tail even so.
  init(_ bytes: [UInt8], hasChecksums: Bool) {
    self.bytes = bytes
    hasTail = hasChecksums && Self.endsWithTail(bytes)
  }

  /// Whether the last record is a tail. The root of an index may have the bytes of a former one, but inside of a record.
  private static func endsWithTail(_ bytes: [UInt8]) -> Bool {
    let tail = bytes.count - tailByteCount
    // det_reserved_zero1, det_rec_len, det_reserved_name_len
    guard bytes[tail..<tail + 4].allSatisfy({ $0 == 0 }), bytes[tail + 4] == 12, bytes[tail + 5] == 0,
      bytes[tail + 6] == 0, bytes[tail + 7] == 0xDE
    else { return false }
    var offset = 0
    while offset < tail {
      let byteCount = Int(bytes[offset + 4]) | Int(bytes[offset + 5]) << 8
      guard byteCount >= 8, byteCount % 4 == 0 else { return false }
      offset += byteCount
    }
    return offset == tail
  }

  /// An empty block.
  init(byteCount: Int, hasChecksums: Bool) {
    bytes = Array(repeating: 0, count: byteCount)
    hasTail = hasChecksums
    setRecordByteCount(hasChecksums ? byteCount - Self.tailByteCount : byteCount, at: 0)
    if hasChecksums { writeTail() }
  }

  /// The end of the records.
  var end: Int { hasTail ? bytes.count - Self.tailByteCount : bytes.count }

  static func recordByteCount(name count: Int) -> Int { (8 + count + 3) & ~3 }

  /// The record at `offset`; nil if it does not fit where it says.
  func record(at offset: Int) -> Record? {
    guard offset >= 0, offset % 4 == 0, offset + 8 <= end else { return nil }
    let raw = Int(bytes[offset + 4]) | Int(bytes[offset + 5]) << 8
    // 65536 does not fit the field.
    let byteCount = bytes.count >= 65536 && (raw == 0 || raw == 65535) ? bytes.count : raw
    let record = Record(
      offset: offset, byteCount: byteCount,
      inode: UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16
        | UInt32(
          bytes[offset + 3]) << 24,
      nameByteCount: Int(bytes[offset + 6]), type: bytes[offset + 7])
    guard byteCount >= 8, byteCount % 4 == 0, byteCount <= end - offset,
      record.inode == 0 || Self.recordByteCount(name: record.nameByteCount) <= byteCount
    else { return nil }
    return record
  }

  func name(of record: Record) -> [UInt8] {
    Array(bytes[record.offset + 8..<record.offset + 8 + record.nameByteCount])
  }

  /// All records, or nil if they do not fill the block exactly.
  func records() -> [Record]? {
    var records: [Record] = []
    var offset = 0
    while offset < end {
      guard let record = record(at: offset) else { return nil }
      records.append(record)
      offset += record.byteCount
    }
    return records
  }

  /// The records that stand for something, and their names; nil if the records do not fill the block exactly.
  func usedRecords() -> [(Record, [UInt8])]? {
    records()?.filter { $0.inode != 0 && $0.nameByteCount > 0 }.map { ($0, name(of: $0)) }
  }

  /// The most bytes that a new record can have.
  var largestGap: Int { records()?.map(\.slack).max() ?? 0 }

  // MARK: Changes

  /// Adds a name where it fits; nil if nowhere.
  mutating func insert(name: [UInt8], inode: UInt32, type: UInt8) -> Int? {
    let needed = Self.recordByteCount(name: name.count)
    guard let record = records()?.first(where: { $0.slack >= needed }) else { return nil }
    var offset = record.offset
    var byteCount = record.byteCount
    if record.inode != 0 {
      let kept = record.byteCount - record.slack
      setRecordByteCount(kept, at: offset)
      offset += kept
      byteCount -= kept
    }
    setRecordByteCount(byteCount, at: offset)
    bytes[offset + 6] = UInt8(name.count)
    bytes.replaceSubrange(offset + 8..<offset + 8 + name.count, with: name)
    setTarget(inode: inode, type: type, at: offset)
    return offset
  }

  /// Points an entry at another inode.
  mutating func setTarget(inode: UInt32, type: UInt8, at offset: Int) {
    for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: inode >> UInt32(8 * index)) }
    bytes[offset + 7] = type
  }

  /// Frees a record; the one before swallows it.
  mutating func remove(at offset: Int) {
    guard let records = records(), let index = records.firstIndex(where: { $0.offset == offset }) else {
      return
    }
    if index > 0 {
      setRecordByteCount(
        records[index - 1].byteCount + records[index].byteCount, at: records[index - 1].offset)
    }
    for byte in 0..<4 { bytes[offset + byte] = 0 }
  }

  /// Turns a block of an index into one of plain records: the record that hides the index ends where the tail begins.
  mutating func dropIndex() {
    guard !hasTail, let last = records()?.last,
      last.byteCount >= last.byteCount - last.slack + Self.tailByteCount
    else { return }
    let end = bytes.count - Self.tailByteCount
    setRecordByteCount(end - last.offset, at: last.offset)
    for index in last.offset + last.byteCount - last.slack..<end where last.inode != 0 { bytes[index] = 0 }
    writeTail()
    self = DirectoryBlock(bytes, hasChecksums: true)
  }

  private mutating func setRecordByteCount(_ count: Int, at offset: Int) {
    let raw = count == 65536 ? 65535 : count
    bytes[offset + 4] = UInt8(raw & 0xff)
    bytes[offset + 5] = UInt8(raw >> 8)
  }

  private mutating func writeTail() {
    let tail = bytes.count - Self.tailByteCount
    bytes.replaceSubrange(tail..<bytes.count, with: [0, 0, 0, 0, 12, 0, 0, 0xDE, 0, 0, 0, 0])
  }
}
