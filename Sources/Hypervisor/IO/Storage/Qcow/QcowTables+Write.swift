import SystemPackage

extension QcowTables {
  /// Writes `range` of `buffer` to the disk at `offset`.
  func write(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64, _ read: QcowReader)
    throws(QcowError)
  {
    try beginWriting()
    var rest = range
    var offset = offset
    while !rest.isEmpty {
      let count: Int
      if let run = try dataRun(at: offset, byteCount: rest.count, owned: true) {
        count = run.byteCount
        try write(buffer, rest.lowerBound..<rest.lowerBound + count, host: run.host)
      } else {
        count = try writeNew(buffer, rest, at: offset, read)
      }
      rest = rest.lowerBound + count..<rest.upperBound
      offset += UInt64(count)
      try commitIfFull()
    }
  }

  private func write(_ buffer: HostBuffer, _ range: Range<Int>, host: UInt64) throws(QcowError) {
    try qcowCall { () throws(Errno) in try file.write(buffer, range, at: host) }
  }

  /// Writes the first bytes of `range` to new clusters.
  ///
  /// - Returns: number of bytes written.
  private func writeNew(
    _ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64, _ read: QcowReader
  ) throws(QcowError) -> Int {
    let first = offset >> clusterBits
    let wanted = try newClusterCount(from: first, through: (offset + UInt64(range.count) - 1) >> clusterBits)
    let table = try writableL2Table(of: first)
    let allocation = try allocate(upTo: wanted)
    let run = allocation.run
    let within = Int(offset & (header.clusterByteCount - 1))
    let covered = min(range.count, Int(run.count << clusterBits) - within)
    do throws(QcowError) {
      let data = range.lowerBound..<range.lowerBound + covered
      try fill(allocation, from: first, with: buffer, data, within: within, read)
    } catch {
      giveBack(run)
      throw error
    }
    try refer(from: first, in: table, to: run)
    return covered
  }

  /// Number of clusters from `first` on, within one level 2 table, that are written to a new place.
  private func newClusterCount(from first: UInt64, through last: UInt64) throws(QcowError) -> UInt64 {
    let end = min(last, first | (1 << UInt64(header.l2Bits) - 1))
    var cluster = first + 1
    while cluster <= end {
      if case .data(_, isOwned: true) = try mapping(of: cluster) { break }
      cluster += 1
    }
    return cluster - first
  }

  /// Writes data to new clusters, and around the data what the disk has there.
  private func fill(
    _ allocation: Allocation, from first: UInt64, with buffer: HostBuffer, _ data: Range<Int>, within: Int,
    _ read: QcowReader
  ) throws(QcowError) {
    let size = Int(header.clusterByteCount)
    let host = allocation.run.first << clusterBits
    let last = allocation.run.count - 1
    let end = (within + data.count) % size
    try write(buffer, data, host: host + UInt64(within))
    if within > 0 { try fillRest(0..<within, of: first, host: host, allocation, read) }
    if end > 0 {
      try fillRest(end..<size, of: first + last, host: host + last << clusterBits, allocation, read)
    }
  }

  private func fillRest(
    _ part: Range<Int>, of cluster: UInt64, host: UInt64, _ allocation: Allocation, _ read: QcowReader
  ) throws(QcowError) {
    let old = try mapping(of: cluster)
    let isZero = readsAsZero(old, cluster: cluster)
    if isZero, allocation.isUnwritten { return }
    let content = HostBuffer(byteCount: part.count)
    if !isZero { try read.read(old, of: cluster, within: part.lowerBound, into: content, content.all) }
    try write(content, content.all, host: host + UInt64(part.lowerBound))
  }

  // MARK: Zeroes

  /// Makes a range of the disk read as zero, and frees its whole clusters where the format can say so.
  func zero(at offset: UInt64, byteCount: UInt64, _ read: QcowReader) throws(QcowError) {
    try beginWriting()
    let end = offset + byteCount
    var position = offset
    let zeroes = HostBuffer(byteCount: min(Int(header.clusterByteCount), 1 << 16))
    while position < end {
      let cluster = position >> clusterBits
      let clusterEnd = (cluster + 1) << clusterBits
      // The last cluster of the disk may be shorter.
      let isWhole =
        position & (header.clusterByteCount - 1) == 0 && (end >= clusterEnd || end >= header.virtualByteCount)
      let next = min(end, clusterEnd)
      let old = try mapping(of: cluster)
      if readsAsZero(old, cluster: cluster) {
        position = skipEmptyTable(cluster) ?? next
        continue
      }
      if isWhole, try zeroCluster(cluster, old) {
        position = next
      } else {
        while position < next {
          let count = min(Int(next - position), zeroes.byteCount)
          try write(zeroes, 0..<count, at: position, read)
          position += UInt64(count)
        }
      }
      try commitIfFull()
    }
  }

  /// Where the next level 2 table's part of the disk begins, if `cluster` has no table and lies behind the backing file's end.
  private func skipEmptyTable(_ cluster: UInt64) -> UInt64? {
    let index = cluster >> UInt64(header.l2Bits)
    guard index < UInt64(l1.count), l1[Int(index)] == 0 else { return nil }
    return ((index + 1) << UInt64(header.l2Bits)) << clusterBits
  }

  /// Makes a whole cluster read as zero without data.
  ///
  /// - Returns: false if the format has no way to say that.
  private func zeroCluster(_ cluster: UInt64, _ old: QcowMapping) throws(QcowError) -> Bool {
    let hasBacking = cluster << clusterBits < backing.byteCount
    switch header.version {
    case 1: return false
    case 2 where hasBacking: return false
    default: break
    }
    let table = try writableL2Table(of: cluster)
    try cache.store(
      hasBacking ? QcowMapping.zeroFlag : 0, at: entryOffset(of: cluster, in: table), .reference)
    free(old)
    return true
  }
}
