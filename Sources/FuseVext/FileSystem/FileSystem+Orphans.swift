import SystemPackage

extension FileSystem {
  /// Frees the files that had lost their last name, and cuts off those that were to be cut off, when the file system was
  /// last in use.
  func endOrphans(_ resources: ServingResources) throws(Errno) {
    var listed = Set(try inspect(resources) { (metadata) in metadata.orphans })
    var hasMore = true
    while hasMore {
      hasMore = try change(resources) { (metadata) throws(Errno) in
        try metadata.moveOrphansToList(limit: 16, listed: &listed)
      }
    }
    while let number = try inspect(resources, { (metadata) in metadata.orphans.last }) {
      let record = try inspect(resources) { (metadata) throws(Errno) in try metadata.inode(number) }
      if record.linkCount == 0 {
        try free(makeOpenInode(number), resources)
      } else {
        try finishTruncation(of: record, resources)
      }
      guard try inspect(resources, { (metadata) in metadata.orphans.last }) != number else {
        throw .corrupted
      }
    }
  }

  /// Frees the blocks beyond a file's size.
  private func finishTruncation(of record: Inode, _ resources: ServingResources) throws(Errno) {
    let size = UInt64(blockByteCount)
    let (rounded, overflow) = record.byteCount.addingReportingOverflow(size - 1)
    guard !overflow else { throw .corrupted }
    let number = record.number
    let map =
      record.hasBlocks
      ? try inspect(resources) { (metadata) throws(Errno) in try metadata.runs(of: record) } : ExtentMap()
    if record.isRegularFile { try zeroEnd(of: record, map, resources) }
    try freeInSteps(rounded / size..<UInt64.max, map: map, usesExtents: record.usesExtents) {
      (step, isLast) throws(Errno) in
      try change(resources) { (metadata) throws(Errno) in
        if record.hasBlocks {
          try metadata.cut(number, at: isLast ? record.byteCount : step.lowerBound * size)
        }
        guard isLast else { return }
        try metadata.removeOrphan(number)
        var current = try metadata.inode(number)
        // The field was the link to the next orphan.
        current.deletionTime = 0
        try metadata.write(current)
      }
    }
  }

  /// Writes zeros behind a file's end, in its last block: what a later growth would show again.
  private func zeroEnd(of record: Inode, _ map: ExtentMap, _ resources: ServingResources) throws(Errno) {
    let inside = Int(record.byteCount % UInt64(blockByteCount))
    let block = record.byteCount / UInt64(blockByteCount)
    guard inside > 0, map.isWritten(block..<block + 1), let run = map.run(atOrAfter: block) else { return }
    let memory = resources.staging.slice(0, blockByteCount)
    let offset = (run.physical + (block - run.logical)) * UInt64(blockByteCount)
    try resources.queue.perform(BlockRequest(.read, byteOffset: offset, memory: memory))
    let end = memory.slice(inside, blockByteCount - inside)
    guard end.bytes.contains(where: { $0 != 0 }) else { return }
    end.fill(with: 0)
    try resources.queue.perform(BlockRequest(.write, byteOffset: offset, memory: memory))
  }
}
