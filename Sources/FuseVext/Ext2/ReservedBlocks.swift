/// Blocks that files of block pointers have got in memory alone: nothing on the disk points at them, and the disk's bitmaps and
/// counters call them free. The bitmap in memory has them in use, so that the allocator skips them.
///
/// Beside blocks that were chosen there are promises: a number of blocks that the pointers to the chosen ones will need.
/// Belongs to the thread that holds the lock of the metadata.
final class ReservedBlocks {
  /// Sorted ranges that do not touch, by the piece of the device that they lie in: so that a change moves few of them.
  private var pieces: [UInt64: [Range<UInt64>]] = [:]
  private static let pieceShift: UInt64 = 15

  /// The blocks that were chosen.
  private(set) var blockCount: UInt64 = 0
  /// The blocks that were promised, but not chosen.
  private(set) var promisedCount: UInt64 = 0
  /// Number of free blocks that are kept for this.
  var totalCount: UInt64 { blockCount + promisedCount }

  func promise(_ count: UInt64) { promisedCount += count }

  /// Ends promises, kept or not.
  func endPromise(_ count: UInt64) { promisedCount -= min(count, promisedCount) }

  /// Adds blocks, none of which is here.
  func insert(_ range: Range<UInt64>) {
    forEachPiece(of: range) { key, part in
      var ranges = pieces.removeValue(forKey: key) ?? []
      var index = Self.firstIndex(in: ranges, endingAtOrAfter: part.lowerBound)
      var joined = part
      if index < ranges.count, ranges[index].upperBound == part.lowerBound {
        joined = ranges[index].lowerBound..<part.upperBound
        ranges.remove(at: index)
      }
      if index < ranges.count, ranges[index].lowerBound == part.upperBound {
        joined = joined.lowerBound..<ranges[index].upperBound
        ranges.remove(at: index)
      }
      index = min(index, ranges.count)
      ranges.insert(joined, at: index)
      pieces[key] = ranges
      blockCount += part.upperBound - part.lowerBound
    }
  }

  /// Takes blocks away, all of which are here.
  func remove(_ range: Range<UInt64>) {
    forEachPiece(of: range) { key, part in
      var ranges = pieces.removeValue(forKey: key) ?? []
      let first = Self.firstIndex(in: ranges, endingAtOrAfter: part.lowerBound + 1)
      var end = first
      var kept: [Range<UInt64>] = []
      while end < ranges.count, ranges[end].lowerBound < part.upperBound {
        let old = ranges[end]
        if old.lowerBound < part.lowerBound { kept.append(old.lowerBound..<part.lowerBound) }
        if old.upperBound > part.upperBound { kept.append(part.upperBound..<old.upperBound) }
        let common = old.clamped(to: part)
        blockCount -= common.upperBound - common.lowerBound
        end += 1
      }
      ranges.replaceSubrange(first..<end, with: kept)
      if !ranges.isEmpty { pieces[key] = ranges }
    }
  }

  /// The parts of `range` that are reserved, in rising order.
  func ranges(in range: Range<UInt64>) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    guard blockCount > 0 else { return result }
    forEachPiece(of: range) { key, part in
      guard let ranges = pieces[key] else { return }
      var index = Self.firstIndex(in: ranges, endingAtOrAfter: part.lowerBound + 1)
      while index < ranges.count, ranges[index].lowerBound < part.upperBound {
        result.append(ranges[index].clamped(to: part))
        index += 1
      }
    }
    return result
  }

  private func forEachPiece(of range: Range<UInt64>, _ body: (UInt64, Range<UInt64>) -> Void) {
    var block = range.lowerBound
    while block < range.upperBound {
      let key = block >> Self.pieceShift
      let end = min((key + 1) << Self.pieceShift, range.upperBound)
      body(key, block..<end)
      block = end
    }
  }

  private static func firstIndex(in ranges: [Range<UInt64>], endingAtOrAfter block: UInt64) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound >= block { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
