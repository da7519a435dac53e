/// A node of an extent tree: ext4's `struct ext4_extent_header` and its entries. The root is in the inode, the others
/// are blocks.
struct ExtentNode: Equatable {
  /// An extent; in a node of depth 1 or more, a node below.
  struct Entry: Equatable {
    /// The first block in the file.
    var logical: UInt64
    /// The first block on the device, or that of the node below.
    var physical: UInt64
    /// 0 for a node below.
    var count: UInt64 = 0
    var isWritten = true

    var logicalEnd: UInt64 { logical + count }
  }

  /// The levels below; 0 for one that holds extents.
  var depth: Int
  /// In rising order, none overlapping.
  var entries: [Entry]

  static let greatestDepth = 5
  /// The bytes of the root, in the inode.
  static let rootByteCount = 60
  /// Every block of a file is below this one (`EXT_MAX_BLOCKS`), so that 32 bits count them.
  static let logicalLimit: UInt64 = 1 << 32 - 1
  /// `EXT_INIT_MAX_LEN`
  private static let longestWritten: UInt64 = 32768
  /// `EXT_UNWRITTEN_MAX_LEN`
  private static let longestUnwritten: UInt64 = 32767
  private static let magic: UInt64 = 0xF30A
  private static let entryByteCount = 12

  /// The entries that fit. What is left of a block ends with its checksum.
  static func capacity(byteCount: Int) -> Int { (byteCount - entryByteCount) / entryByteCount }

  init(depth: Int, entries: [Entry]) {
    self.depth = depth
    self.entries = entries
  }

  /// A leaf; runs that are too long for one extent become several.
  init(runs: [Run]) {
    depth = 0
    entries = []
    entries.reserveCapacity(runs.count)
    for run in runs {
      let isWritten = run.state != .unwritten
      let longest = isWritten ? Self.longestWritten : Self.longestUnwritten
      var done: UInt64 = 0
      while done < run.count {
        let count = min(run.count - done, longest)
        entries.append(
          Entry(
            logical: run.logical + done, physical: run.physical + done, count: count, isWritten: isWritten))
        done += count
      }
    }
  }

  /// The extents of a leaf.
  var runs: [Run] {
    entries.map {
      Run(
        logical: $0.logical, physical: $0.physical, count: $0.count,
        state: $0.isWritten ? .written : .unwritten)
    }
  }

  /// The blocks of the file that the node below entry `index` is for, where this one is for `range`.
  func range(at index: Int, in range: Range<UInt64>) -> Range<UInt64> {
    let first = index == 0 ? range.lowerBound : entries[index].logical
    return first..<(index + 1 < entries.count ? entries[index + 1].logical : range.upperBound)
  }

  // MARK: Bytes

  /// Reads a node. Nil for other bytes, and for a node that cannot be at its place.
  ///
  /// - Parameters:
  ///   - depth: What the node above says; nil for the root.
  ///   - range: The blocks of the file that the node above has it for.
  init?(_ bytes: [UInt8], depth expectedDepth: Int?, range: Range<UInt64>) {
    guard bytes.count >= Self.rootByteCount, bytes.word(0, 2) == Self.magic else { return nil }
    let count = Int(bytes.word(2, 2))
    let capacity = Int(bytes.word(4, 2))
    depth = Int(bytes.word(6, 2))
    guard count <= capacity, capacity <= Self.capacity(byteCount: bytes.count), depth <= Self.greatestDepth
    else { return nil }
    if let expectedDepth {
      guard depth == expectedDepth, count > 0 else { return nil }
    } else if depth > 0 {
      guard count > 0 else { return nil }
    }
    entries = []
    entries.reserveCapacity(count)
    var end = range.lowerBound
    for index in 0..<count {
      let entry = depth > 0 ? Self.child(bytes, index) : Self.extent(bytes, index)
      guard entry.logical >= end, entry.logical < range.upperBound, depth > 0 || entry.count > 0,
        entry.logicalEnd <= range.upperBound
      else { return nil }
      end = depth > 0 ? entry.logical + 1 : entry.logicalEnd
      entries.append(entry)
    }
  }

  /// ei_block, ei_leaf_lo, ei_leaf_hi
  private static func child(_ bytes: [UInt8], _ index: Int) -> Entry {
    let offset = (index + 1) * entryByteCount
    return Entry(
      logical: bytes.word(offset, 4), physical: bytes.word(offset + 4, 4) | bytes.word(offset + 8, 2) << 32)
  }

  /// ee_block, ee_len, ee_start_hi, ee_start_lo
  private static func extent(_ bytes: [UInt8], _ index: Int) -> Entry {
    let offset = (index + 1) * entryByteCount
    let length = bytes.word(offset + 4, 2)
    let isWritten = length <= longestWritten
    return Entry(
      logical: bytes.word(offset, 4), physical: bytes.word(offset + 8, 4) | bytes.word(offset + 6, 2) << 32,
      count: isWritten ? length : length - longestWritten, isWritten: isWritten)
  }

  /// The node as it is on the disk; its entries fit. A block's checksum is the caller's.
  func encoded(byteCount: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    bytes.setWord(0, 2, Self.magic)
    bytes.setWord(2, 2, UInt64(entries.count))
    bytes.setWord(4, 2, UInt64(Self.capacity(byteCount: byteCount)))
    bytes.setWord(6, 2, UInt64(depth))
    for (index, entry) in entries.enumerated() {
      let offset = (index + 1) * Self.entryByteCount
      bytes.setWord(offset, 4, entry.logical)
      if depth > 0 {
        bytes.setWord(offset + 4, 4, entry.physical)
        bytes.setWord(offset + 8, 2, entry.physical >> 32)
      } else {
        bytes.setWord(offset + 4, 2, entry.isWritten ? entry.count : entry.count + Self.longestWritten)
        bytes.setWord(offset + 6, 2, entry.physical >> 32)
        bytes.setWord(offset + 8, 4, entry.physical)
      }
    }
    return bytes
  }

  // MARK: Splitting

  /// Nodes that together have the entries of this one, none more than `capacity`.
  ///
  /// - Parameter isGrowing: Entries were added at the end, and more will be: all but the last node are full. Otherwise
  ///   each has room for more.
  func split(capacity: Int, isGrowing: Bool) -> [ExtentNode] {
    guard entries.count > capacity else { return entries.isEmpty ? [] : [self] }
    let nodeCount = (entries.count + capacity - 1) / capacity
    let each = isGrowing ? capacity : (entries.count + nodeCount - 1) / nodeCount
    return stride(from: 0, to: entries.count, by: each).map {
      ExtentNode(depth: depth, entries: Array(entries[$0..<min($0 + each, entries.count)]))
    }
  }
}

extension [UInt8] {
  fileprivate mutating func setWord(_ offset: Int, _ byteCount: Int, _ value: UInt64) {
    for index in 0..<byteCount {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
    }
  }
}
