import Synchronization
import SystemPackage

extension FileSystem {
  /// Tells the device that free blocks are of no interest (fstrim(8)), one run of a block group after the other.
  ///
  /// Blocks whose freeing is not durable yet are in use for the allocator's bitmap, and so left alone.
  ///
  /// - Parameters:
  ///   - start: Where to begin, in bytes.
  ///   - smallest: Runs of fewer bytes are left alone.
  /// - Returns: The number of bytes that were given back. Throws `EOPNOTSUPP` if the device does not take any.
  func trimFreeBlocks(
    from start: UInt64, byteCount: UInt64, smallest: UInt64, _ resources: ServingResources
  ) throws(Errno) -> UInt64 {
    try checkWritable()
    let size = UInt64(blockByteCount)
    let (groupBlockCount, first, total) = try inspect(resources) { (metadata) throws(Errno) in
      (metadata.blocksPerGroup, metadata.firstDataBlock, metadata.blockCount)
    }
    // What is freed but not durable becomes free in the bitmap first.
    try flush(resources)
    let wanted = (smallest / size) + (smallest % size == 0 ? 0 : 1)
    guard byteCount >= size, start / size < total, wanted <= groupBlockCount else { throw .invalidArgument }
    let (end, overflow) = start.addingReportingOverflow(byteCount)
    let blocks = max(start / size, first)..<max(overflow ? total : min(end / size, total), first)
    var trimmed: UInt64 = 0
    var block = blocks.lowerBound
    while block < blocks.upperBound {
      // Runs end with their group, as the kernel's do.
      let groupEnd = (block - first) / groupBlockCount * groupBlockCount + groupBlockCount + first
      let range = block..<min(groupEnd, blocks.upperBound)
      let run = try inspect(resources) { (metadata) throws(Errno) -> Range<UInt64>? in
        guard !hasFailed.load(ordering: .relaxed) else { throw .ioError }
        guard let run = metadata.firstFreeRun(in: range) else { return nil }
        let count = run.upperBound - run.lowerBound
        if count >= max(wanted, 1) {
          // Under the lock: nobody may get a block while it is discarded.
          try resources.queue.discard(byteOffset: run.lowerBound * size, byteCount: Int(count * size))
          trimmed += count * size
        }
        return run
      }
      block = run?.upperBound ?? range.upperBound
    }
    return trimmed
  }
}

extension Metadata {
  fileprivate var blocksPerGroup: UInt64 { max(library.blocksPerGroup, 1) }

  /// The first run of free blocks that begins in a range, as far as it lies within the range.
  fileprivate func firstFreeRun(in range: Range<UInt64>) -> Range<UInt64>? {
    guard let first = library.firstFreeBlock(in: range) else { return nil }
    return first..<(library.firstUsedBlock(in: first..<range.upperBound) ?? range.upperBound)
  }
}
