import SystemPackage

extension QcowTables {
  /// Number of refcounts in a block.
  var refcountsPerBlock: UInt64 { (header.clusterByteCount * 8) >> UInt64(header.refcountOrder) }

  /// The refcount block that has `cluster`; nil if there is none, so that all its clusters are free.
  private func refcountBlock(of cluster: UInt64) throws(QcowError) -> UInt64? {
    let index = cluster / refcountsPerBlock
    guard index < UInt64(refcountTable.count) else { return nil }
    let entry = refcountTable[Int(index)]
    return entry == 0 ? nil : entry
  }

  /// The number of references to `cluster` of the file.
  func refcount(of cluster: UInt64) throws(QcowError) -> UInt64 {
    guard let block = try refcountBlock(of: cluster) else { return 0 }
    let (index, order) = (cluster % refcountsPerBlock, header.refcountOrder)
    switch order {
    case 6: return try cache.load(UInt64.self, at: block + index * 8)
    case 5: return UInt64(try cache.load(UInt32.self, at: block + index * 4))
    case 4: return UInt64(try cache.load(UInt16.self, at: block + index * 2))
    case 3: return UInt64(try cache.load(UInt8.self, at: block + index))
    default:
      let bit = index << UInt64(order)
      let byte = try cache.load(UInt8.self, at: block + bit >> 3)
      return UInt64(byte >> UInt8(bit & 7)) & (1 << (1 << UInt64(order)) - 1)
    }
  }

  /// Sets the refcount of `cluster`, whose block exists.
  func setRefcount(_ value: UInt64, of cluster: UInt64) throws(QcowError) {
    guard let block = try refcountBlock(of: cluster) else { throw .damaged("a refcount block is missing") }
    let (index, order) = (cluster % refcountsPerBlock, header.refcountOrder)
    guard order == 6 || value >> (1 << UInt64(order)) == 0 else {
      throw .damaged("a refcount does not fit its width")
    }
    switch order {
    case 6: try cache.store(value, at: block + index * 8, .refcount)
    case 5: try cache.store(UInt32(truncatingIfNeeded: value), at: block + index * 4, .refcount)
    case 4: try cache.store(UInt16(truncatingIfNeeded: value), at: block + index * 2, .refcount)
    case 3: try cache.store(UInt8(truncatingIfNeeded: value), at: block + index, .refcount)
    default:
      let bit = index << UInt64(order)
      let place = block + bit >> 3
      let mask: UInt8 = 1 << (1 << UInt8(order)) - 1
      let old = try cache.load(UInt8.self, at: place)
      let new = old & ~(mask << UInt8(bit & 7)) | UInt8(truncatingIfNeeded: value) << UInt8(bit & 7)
      try cache.store(new, at: place, .refcount)
    }
  }

  /// Makes the refcount block of `cluster` at the file's end, if it is missing.
  ///
  /// The block is on stable storage before the table refers to it.
  func makeRefcountBlock(of cluster: UInt64) throws(QcowError) {
    let index = cluster / refcountsPerBlock
    while index >= UInt64(refcountTable.count) { try growRefcountTable(for: index) }
    guard refcountTable[Int(index)] == 0 else { return }
    // A new block at the end may be the first of its own range, and then counts itself.
    while endCluster / refcountsPerBlock != index {
      let end = endCluster
      if end / refcountsPerBlock < UInt64(refcountTable.count), try refcountBlock(of: end) != nil { break }
      try makeRefcountBlock(of: end)
    }
    // The way there may have made it.
    guard refcountTable[Int(index)] == 0 else { return }
    let place = try takeEnd(1)
    let offset = place << clusterBits
    let content = HostBuffer(byteCount: Int(header.clusterByteCount))
    let countsItself = place / refcountsPerBlock == index
    if countsItself { countOne(place, in: content) } else { try setRefcount(1, of: place) }
    try cache.write(.refcount)
    try qcowCall { () throws(Errno) in try file.write(content, content.all, at: offset) }
    try synchronize()
    try storeWord(offset, at: header.refcountTableOffset + index * 8)
    cache.forget(offset, byteCount: header.clusterByteCount)
    refcountTable[Int(index)] = offset
    tableClusters.insert(place)
  }

  /// Sets the refcount of `cluster` in its new block to 1.
  private func countOne(_ cluster: UInt64, in block: HostBuffer) {
    let (index, order) = (cluster % refcountsPerBlock, header.refcountOrder)
    switch order {
    case 3...6:
      // The last byte of the big-endian number.
      let width = 1 << Int(order - 3)
      block.store(1 as UInt8, at: Int(index) * width + width - 1)
    default:
      let bit = Int(index) << Int(order)
      block.store(block.load(UInt8.self, at: bit >> 3) | 1 << UInt8(bit & 7), at: bit >> 3)
    }
  }

  /// Takes `count` clusters at the file's end, without a refcount.
  func takeEnd(_ count: UInt64) throws(QcowError) -> UInt64 {
    let first = endCluster
    guard (first + count) << clusterBits < Self.hostByteLimit else { throw .failed(.fileTooLarge) }
    endCluster = first + count
    unwrittenCluster = max(unwrittenCluster, endCluster)
    return first
  }

  /// Moves the refcount table to a larger place at the file's end, with the blocks that count its clusters.
  private func growRefcountTable(for index: UInt64) throws(QcowError) {
    // The end must be counted by the old table or by blocks of the new one; both are at hand.
    let first = endCluster
    let entriesPerCluster = header.clusterByteCount / 8
    var tableClusterCount: UInt64 = 0
    var blocks: [UInt64] = []
    // The clusters of the table need blocks, which need entries of the table: the loop ends when both fit.
    while true {
      let last = first + tableClusterCount + UInt64(blocks.count)
      let entryCount = max(index, last / refcountsPerBlock) + 1
      // Half as much again, so that the table moves rarely.
      let wanted = max(tableClusterCount, (entryCount * 3 / 2 + entriesPerCluster - 1) / entriesPerCluster)
      let end = first + wanted + UInt64(blocks.count)
      let missing = (first / refcountsPerBlock...(end / refcountsPerBlock)).filter {
        $0 >= UInt64(refcountTable.count) || refcountTable[Int($0)] == 0
      }
      if wanted == tableClusterCount, missing.count == blocks.count { break }
      (tableClusterCount, blocks) = (wanted, missing)
    }
    guard tableClusterCount << clusterBits <= QcowHeader.refcountTableByteLimit else {
      throw .failed(.fileTooLarge)
    }
    let total = tableClusterCount + UInt64(blocks.count)
    _ = try takeEnd(total)
    var table = refcountTable
    table += [UInt64](repeating: 0, count: Int(tableClusterCount * entriesPerCluster) - table.count)
    for (number, block) in blocks.enumerated() {
      let place = first + tableClusterCount + UInt64(number)
      let content = HostBuffer(byteCount: Int(header.clusterByteCount))
      for cluster in first..<first + total where cluster / refcountsPerBlock == block {
        countOne(cluster, in: content)
      }
      try qcowCall { () throws(Errno) in try file.write(content, content.all, at: place << clusterBits) }
      cache.forget(place << clusterBits, byteCount: header.clusterByteCount)
      table[Int(block)] = place << clusterBits
    }
    for cluster in first..<first + total where !blocks.contains(cluster / refcountsPerBlock) {
      try setRefcount(1, of: cluster)
    }
    try cache.write(.refcount)
    let content = HostBuffer(byteCount: table.count * 8)
    for (number, entry) in table.enumerated() { content.store(entry, at: number * 8) }
    try qcowCall { () throws(Errno) in try file.write(content, content.all, at: first << clusterBits) }
    try synchronize()
    try adoptRefcountTable(
      table, at: first, clusterCount: tableClusterCount, blockCount: UInt64(blocks.count))
  }

  /// Makes the header refer to the new refcount table.
  private func adoptRefcountTable(
    _ table: [UInt64], at first: UInt64, clusterCount: UInt64, blockCount: UInt64
  ) throws(QcowError) {
    let old = Run(first: header.refcountTableOffset >> clusterBits, count: header.refcountTableClusterCount)
    let place = HostBuffer(byteCount: 12)
    place.store(first << clusterBits, at: 0)
    place.store(UInt32(truncatingIfNeeded: clusterCount), at: 8)
    try qcowCall { () throws(Errno) in try file.write(place, place.all, at: QcowHeader.Field.refcountTable) }
    try synchronize()
    header.refcountTableOffset = first << clusterBits
    header.refcountTableClusterCount = clusterCount
    refcountTable = table
    for cluster in old.first..<old.first + old.count { tableClusters.remove(cluster) }
    for cluster in first..<first + clusterCount + blockCount { tableClusters.insert(cluster) }
    awaitingFree.append(old)
  }
}
