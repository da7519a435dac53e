import SystemPackage

/// Large changes of a file, divided into steps of the journal's transactions: each leaves consistent structures, and changes a
/// bounded number of their blocks (``StepMeter``).
extension FileSystem {
  /// Frees the blocks of a range, from its end on.
  ///
  /// - Parameters:
  ///   - map: Where the blocks are.
  ///   - free: Frees a part of the range, as one step; `isLast` for the one that begins where the range does.
  func freeInSteps(
    _ range: Range<UInt64>, map: ExtentMap, usesExtents: Bool,
    _ free: (Range<UInt64>, _ isLast: Bool) throws(Errno) -> Void
  ) throws(Errno) {
    let meter = usesExtents ? meters.extents : meters.blockMap
    var rest = range
    while true {
      let step = rest.isEmpty ? rest : map.lastStep(of: rest, meter)
      try free(step, step.lowerBound == range.lowerBound)
      if step.lowerBound == range.lowerBound { return }
      rest = rest.lowerBound..<step.lowerBound
    }
  }

  /// Fills the holes of a range of a file of extents with blocks that read as zeros. If there is no room for all, nothing is
  /// filled, unless another thread takes the room between two steps.
  ///
  /// - Parameter spareCount: How many blocks more there may be behind the range.
  func fillHoles(
    of blocks: Range<UInt64>, spareCount: UInt64 = 0, of inode: OpenInode, byteCount: UInt64,
    _ resources: ServingResources
  ) throws(Errno) {
    while let map = inode.data?.map, !map.holes(in: blocks).isEmpty {
      let filled = try change(resources) { (metadata) throws(Errno) in
        try metadata.allocate(
          blocks, spareCount: spareCount, of: inode.number, byteCount: byteCount, map: map)
      }
      noteDataWritten(inode)
      inode.data?.map = filled
    }
  }
}
