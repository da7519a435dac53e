import HostSystem
import Synchronization
import SystemPackage

/// Maximum number of bytes that a growing file gets in advance.
private let largestSpareByteCount: UInt64 = 8 << 20
/// Size in bytes from which a growing file gets blocks in advance.
private let smallestGrowingByteCount: UInt64 = 64 << 10

extension FileSystem {
  /// Writes to a file, growing it where needed. The data are on the device afterwards, or if `delays` says so at the latest after
  /// ``synchronize(_:_:)``, as is what says where they are.
  ///
  /// - Parameters:
  ///   - source: At most ``ServingResources/transferByteCount``.
  ///   - delays: Whether a small write may stay in memory, to become one request with its successors.
  /// - Returns: The bytes that were written: fewer if the file cannot be as large. Throws `EFBIG` instead of returning 0.
  @discardableResult
  func write(
    _ inode: OpenInode, offset: UInt64, _ source: BlockMemory, delays: Bool = false,
    _ resources: ServingResources
  ) throws(Errno) -> Int {
    try checkWritable()
    guard !source.isEmpty else { return 0 }
    let size = UInt64(blockByteCount)
    try load(inode, resources)
    let limit = inode.lock.shared { sizeLimit(of: inode) }
    guard offset < limit, source.count <= ServingResources.transferByteCount else { throw .fileTooLarge }
    let source = source.slice(0, Int(min(UInt64(source.count), limit - offset)))
    let endOffset = offset + UInt64(source.count)
    let blocks = offset / size..<(endOffset + size - 1) / size
    if offset % size == 0, endOffset % size == 0,
      try overwrite(inode, blocks, endOffset, source, resources)
    {
      return source.count
    }

    inode.lock.lockExclusively()
    defer { inode.lock.unlock() }
    if delays, try delay(inode, offset: offset, source, resources) { return source.count }
    try writeLocked(inode, offset: offset, source, resources)
    return source.count
  }

  /// Writes whole blocks that hold data already: several threads at once may do so. False if some hold none.
  private func overwrite(
    _ inode: OpenInode, _ blocks: Range<UInt64>, _ endOffset: UInt64, _ source: BlockMemory,
    _ resources: ServingResources
  ) throws(Errno) -> Bool {
    inode.lock.lockShared()
    defer { inode.lock.unlock() }
    guard let data = inode.data, endOffset <= data.byteCount, data.map.isWritten(blocks),
      data.delayed?.blocks.overlaps(blocks) != true
    else { return false }
    resources.requests.removeAll(keepingCapacity: true)
    enqueueWrites(blocks, map: data.map, from: aligned(source, resources), resources)
    try perform(resources)
    noteWrite(inode)
    return true
  }

  /// Writes as ``write(_:offset:_:_:)`` does, for a caller that has the inode exclusively.
  func writeLocked(
    _ inode: OpenInode, offset: UInt64, _ source: BlockMemory, _ resources: ServingResources
  ) throws(Errno) {
    try loadLocked(inode, resources)
    let size = UInt64(blockByteCount)
    let endOffset = offset + UInt64(source.count)
    let blocks = offset / size..<(endOffset + size - 1) / size
    try allocate(blocks, of: inode, endOffset: endOffset, resources)
    guard let map = inode.data?.map else { throw .ioError }
    let head = Int(offset % size)
    let isWhole = head == 0 && endOffset % size == 0
    if isWhole {
      resources.requests.removeAll(keepingCapacity: true)
      enqueueWrites(blocks, map: map, from: aligned(source, resources), resources)
    } else {
      // The blocks at the ends keep the bytes outside of the write.
      let whole = resources.staging.slice(0, Int(blocks.upperBound - blocks.lowerBound) * blockByteCount)
      try readEnds(of: blocks, around: offset..<endOffset, map: map, into: whole, resources)
      whole.slice(head, source.count).copy(from: source)
      resources.requests.removeAll(keepingCapacity: true)
      enqueueWrites(blocks, map: map, from: whole, resources)
    }
    try perform(resources)
    inode.data?.map.markPending(blocks)
    let oldByteCount = inode.data?.byteCount ?? 0
    inode.data?.byteCount = max(oldByteCount, endOffset)
    noteDataChange(inode)
  }

  /// Memory that every device takes: the source itself if it is aligned, else a copy.
  private func aligned(_ source: BlockMemory, _ resources: ServingResources) -> BlockMemory {
    if source.isAligned(to: 512) { return source }
    let copy = resources.staging.slice(0, source.count)
    copy.copy(from: source)
    return copy
  }

  /// Requests for blocks that are all allocated.
  func enqueueWrites(
    _ blocks: Range<UInt64>, map: ExtentMap, from source: BlockMemory, _ resources: ServingResources
  ) {
    let size = UInt64(blockByteCount)
    var index = map.firstIndex(endingAfter: blocks.lowerBound)
    var block = blocks.lowerBound
    while block < blocks.upperBound, index < map.runs.count {
      var run = map.runs[index].clipped(to: block..<blocks.upperBound)
      index += 1
      // Runs that differ in state alone are one request.
      while index < map.runs.count, map.runs[index].logical == run.logicalEnd,
        run.logicalEnd < blocks.upperBound,
        map.runs[index].physical == run.physical + run.count
      {
        run.count += map.runs[index].clipped(to: block..<blocks.upperBound).count
        index += 1
      }
      let piece = source.slice(Int((block - blocks.lowerBound) * size), Int(run.count * size))
      resources.requests.append(BlockRequest(.write, byteOffset: run.physical * size, memory: piece))
      block = run.logicalEnd
    }
  }

  /// Fills the holes of a range, and allocates more for a file that grows gradually.
  func allocate(
    _ blocks: Range<UInt64>, of inode: OpenInode, endOffset: UInt64, _ resources: ServingResources
  ) throws(Errno) {
    guard let data = inode.data, !data.map.holes(in: blocks).isEmpty else { return }
    guard data.usesExtents else { return try reserve(blocks, of: inode, resources) }
    let size = UInt64(blockByteCount)
    var spareCount: UInt64 = 0
    let grows = blocks.upperBound > data.map.end && blocks.lowerBound <= data.map.end
    if grows, data.map.end * size >= smallestGrowingByteCount {
      spareCount = min(data.map.end * size, largestSpareByteCount) / size
    }
    try fillHoles(
      of: blocks, spareCount: spareCount, of: inode, byteCount: max(data.byteCount, endOffset), resources)
    if let map = inode.data?.map, map.end > blocks.upperBound, spareCount > 0 {
      inode.data?.hasSpareBlocks = true
    }
  }

  /// Fills the holes of a range of a file of block pointers.
  private func reserve(_ blocks: Range<UInt64>, of inode: OpenInode, _ resources: ServingResources)
    throws(Errno)
  {
    guard let data = inode.data else { throw .ioError }
    let reservation = try change(resources) { (metadata) throws(Errno) in
      try metadata.reserve(blocks, of: inode.number, map: data.map)
    }
    inode.data?.map = reservation.map
    inode.data?.reservedCount += reservation.blockCount
    inode.data?.promisedCount += reservation.promisedCount
    // If the write fails, the commit releases these blocks, which no other structure knows.
    markDirty(inode)
  }
}
