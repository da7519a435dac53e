import HostSystem
import Synchronization
import SystemPackage

extension FileSystem {
  /// Truncates a file, or extends it by a hole.
  func truncate(_ inode: OpenInode, to byteCount: UInt64, _ resources: ServingResources) throws(Errno) {
    try checkWritable()
    let size = UInt64(blockByteCount)
    inode.lock.lockExclusively()
    defer { inode.lock.unlock() }
    try loadLocked(inode, resources)
    // Before anything is zeroed.
    let flags = try inspect(resources) { (metadata) throws(Errno) in try metadata.inode(inode.number) }
    guard !flags.isImmutable, !flags.isAppendOnly else { throw .notPermitted }
    try flags.checkContentsCanChange()
    guard byteCount <= sizeLimit(of: inode) else { throw .fileTooLarge }
    try commitLocked(inode, resources)
    guard let data = inode.data else { throw .ioError }
    let isShorter = byteCount < data.byteCount
    // Otherwise a later growth would show the old bytes again.
    if isShorter {
      try zero(byteCount..<min((byteCount + size - 1) / size * size, data.byteCount), of: inode, resources)
    }
    if isShorter { try cutInSteps(inode, at: byteCount, resources) }
    try change(resources) { (metadata) throws(Errno) in
      var record = try metadata.inode(inode.number)
      try metadata.setByteCount(byteCount, of: &record)
      record.modificationTime = .now()
      record.changeTime = record.modificationTime
      try metadata.write(record)
    }
    if byteCount == 0, data.byteCount > 0 { inode.wasEmptied.store(true, ordering: .relaxed) }
    noteDataWritten(inode)
    inode.pendingWriteTime.store(0, ordering: .relaxed)
    inode.lacksData.store(false, ordering: .relaxed)
    inode.isDirty.store(false, ordering: .relaxed)
    inode.data?.hasSpareBlocks = false
    inode.data?.byteCount = byteCount
  }

  /// Throws `EFBIG` if a file cannot be as large.
  func checkSize(_ byteCount: UInt64, of inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    try load(inode, resources)
    let limit = inode.lock.shared { sizeLimit(of: inode) }
    guard byteCount <= limit else { throw .fileTooLarge }
  }

  /// Frees the blocks beyond a size, and sets that size.
  private func cutInSteps(_ inode: OpenInode, at byteCount: UInt64, _ resources: ServingResources)
    throws(Errno)
  {
    guard let data = inode.data else { throw .ioError }
    let size = UInt64(blockByteCount)
    try freeInSteps((byteCount + size - 1) / size..<UInt64.max, map: data.map, usesExtents: data.usesExtents)
    {
      (step, isLast) throws(Errno) in
      let end = isLast ? byteCount : step.lowerBound * size
      try change(resources) { (metadata) throws(Errno) in try metadata.cut(inode.number, at: end) }
      inode.data?.map.cut(at: end, blockByteCount: blockByteCount)
      inode.data?.byteCount = min(end, data.byteCount)
    }
  }

  /// Writes zeros to the part of a range that holds data. It stays inside the file.
  private func zero(_ range: Range<UInt64>, of inode: OpenInode, _ resources: ServingResources) throws(Errno)
  {
    guard !range.isEmpty, let map = inode.data?.map else { return }
    let size = UInt64(blockByteCount)
    let block = range.lowerBound / size
    guard map.isWritten(block..<block + 1) else { return }
    let memory = resources.zeros.slice(0, Int(range.upperBound - range.lowerBound))
    memory.fill(with: 0)
    try writeLocked(inode, offset: range.lowerBound, memory, resources)
  }

  /// The operations of fallocate(2) on a range.
  enum SpaceOperation {
    case allocate(keepsSize: Bool)
    case punchHole
    case zeroRange(keepsSize: Bool)
  }

  /// Allocates, frees or zeroes a range of a file.
  func changeSpace(
    _ operation: SpaceOperation, of inode: OpenInode, offset: UInt64, byteCount: UInt64,
    _ resources: ServingResources
  ) throws(Errno) {
    try checkWritable()
    let (end, overflow) = offset.addingReportingOverflow(byteCount)
    guard byteCount > 0 else { throw .invalidArgument }
    guard !overflow, end <= sizeLimits.extents else { throw .fileTooLarge }
    inode.lock.lockExclusively()
    defer { inode.lock.unlock() }
    try loadLocked(inode, resources)
    guard let data = inode.data else { throw .ioError }
    switch operation {
    case .allocate(let keepsSize):
      // Block pointers cannot say "unwritten".
      guard data.usesExtents else { throw .notSupported }
      try fill(inode, offset..<end, keepsSize: keepsSize, resources)
      if !keepsSize { try grow(inode, to: end, resources) }
    case .punchHole:
      try punch(inode, offset..<min(end, max(data.byteCount, offset)), resources)
    case .zeroRange(let keepsSize):
      guard end <= sizeLimit(of: inode) else { throw .fileTooLarge }
      // What cannot be had is found out before anything is changed: the kernel keeps its cached pages after an error.
      if data.usesExtents { try fill(inode, offset..<end, keepsSize: keepsSize, resources) }
      try punch(inode, offset..<min(end, max(data.byteCount, offset)), resources)
      if data.usesExtents { try fill(inode, offset..<end, keepsSize: keepsSize, resources) }
      if !keepsSize { try grow(inode, to: end, resources) }
    }
    // Also if the range needed no change, as in the kernel's ext4.
    noteWrite(inode)
  }

  /// The largest possible size of a loaded file.
  func sizeLimit(of inode: OpenInode) -> UInt64 {
    inode.data?.usesExtents == false ? sizeLimits.blockMap : sizeLimits.extents
  }

  private func fill(
    _ inode: OpenInode, _ range: Range<UInt64>, keepsSize: Bool, _ resources: ServingResources
  ) throws(Errno) {
    let size = UInt64(blockByteCount)
    guard let data = inode.data else { throw .ioError }
    let blocks = range.lowerBound / size..<(range.upperBound + size - 1) / size
    let byteCount = keepsSize ? data.byteCount : max(data.byteCount, range.upperBound)
    try fillHoles(of: blocks, of: inode, byteCount: byteCount, resources)
    // Asked for by name, so nobody trims it.
    inode.data?.hasSpareBlocks = false
  }

  private func grow(_ inode: OpenInode, to byteCount: UInt64, _ resources: ServingResources) throws(Errno) {
    guard let old = inode.data?.byteCount, byteCount > old else { return }
    inode.data?.byteCount = byteCount
    noteDataChange(inode)
    try commitLocked(inode, resources)
  }

  private func punch(_ inode: OpenInode, _ range: Range<UInt64>, _ resources: ServingResources) throws(Errno)
  {
    guard !range.isEmpty, let fileEnd = inode.data?.byteCount else { return }
    let size = UInt64(blockByteCount)
    let first = (range.lowerBound + size - 1) / size
    // The last block goes as a whole if nothing of the file is behind the hole.
    let end = range.upperBound >= fileEnd ? (range.upperBound + size - 1) / size : range.upperBound / size
    try zero(range.lowerBound..<min(first * size, range.upperBound), of: inode, resources)
    if end >= first { try zero(end * size..<max(range.upperBound, end * size), of: inode, resources) }
    noteDataChange(inode)
    try commitLocked(inode, resources)
    guard end > first, let data = inode.data else { return }
    let map = data.map
    try freeInSteps(first..<end, map: map, usesExtents: data.usesExtents) { (step, _) throws(Errno) in
      let gaveUp = try change(resources) { (metadata) throws(Errno) in
        try metadata.punch(step, of: inode.number, byteCount: fileEnd)
      }
      noteDataWritten(inode)
      inode.data?.map.replace(step, with: [])
      if gaveUp { inode.data?.map.cut(at: fileEnd, blockByteCount: blockByteCount) }
    }
  }

  /// Frees blocks that were allocated in advance and not used.
  func trim(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    inode.lock.lockExclusively()
    defer { inode.lock.unlock() }
    guard let data = inode.data, data.hasSpareBlocks else { return }
    let size = UInt64(blockByteCount)
    let end = (data.byteCount + size - 1) / size
    inode.data?.hasSpareBlocks = false
    guard data.map.end > end else { return }
    try commitLocked(inode, resources)
    guard let map = inode.data?.map else { return }
    try freeInSteps(end..<UInt64.max, map: map, usesExtents: data.usesExtents) { (step, _) throws(Errno) in
      try change(resources) { (metadata) throws(Errno) in
        _ = try metadata.punch(step, of: inode.number, byteCount: data.byteCount)
      }
      inode.data?.map.replace(step, with: [])
    }
  }
}
