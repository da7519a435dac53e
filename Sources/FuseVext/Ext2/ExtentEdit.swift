/// A change of a file's extent tree, worked out in memory before anything is written.
struct ExtentEdit {
  enum Change {
    /// Blocks for a hole.
    case fill(Run)
    /// Blocks that are in the tree hold data now.
    case markWritten(Run)
    /// The blocks of a range leave the file.
    case remove(Range<UInt64>)

    var range: Range<UInt64> {
      switch self {
      case .fill(let run), .markWritten(let run): run.logical..<run.logicalEnd
      case .remove(let range): range
      }
    }
  }

  /// The root node, for the inode.
  var root = ExtentNode(depth: 0, entries: [])
  /// Nodes that nothing on the disk points at yet.
  var newNodes: [(block: UInt64, node: ExtentNode)] = []
  var changedNodes: [(block: UInt64, node: ExtentNode)] = []
  /// The blocks of nodes that are empty now.
  var emptiedNodes: [UInt64] = []
  /// The blocks that were removed from the file.
  var removed: [Run] = []
}

extension ExtentMap {
  /// Makes the part of a change that lies within `range`, which is not empty.
  ///
  /// - Returns: What leaves the file; nil if the change contradicts what is here.
  mutating func apply(_ change: ExtentEdit.Change, in range: Range<UInt64>) -> [Run]? {
    switch change {
    case .fill(let run):
      guard runs(in: range).isEmpty else { return nil }
      replace(range, with: [run.clipped(to: range)])
      return []
    case .markWritten(let run):
      var part = run.clipped(to: range)
      part.state = .written
      guard holes(in: range).isEmpty,
        runs(in: range).allSatisfy({ $0.physical &- $0.logical == part.physical &- part.logical })
      else { return nil }
      replace(range, with: [part])
      return []
    case .remove:
      let removed = runs(in: range)
      replace(range, with: [])
      return removed
    }
  }

  /// Takes away what is beyond a size.
  mutating func cut(at byteCount: UInt64, blockByteCount: Int) {
    let size = UInt64(blockByteCount)
    replace((byteCount + size - 1) / size..<UInt64.max, with: [])
  }

  /// The runs of a range.
  func runs(in range: Range<UInt64>) -> [Run] {
    guard !range.isEmpty else { return [] }
    var result: [Run] = []
    var index = firstIndex(endingAfter: range.lowerBound)
    while index < runs.count, runs[index].logical < range.upperBound {
      result.append(runs[index].clipped(to: range))
      index += 1
    }
    return result
  }
}
