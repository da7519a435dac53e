import SystemPackage

extension QcowTables {
  /// The references to each cluster of the file, counted from the tables.
  private struct Census {
    /// More entries would take minutes and gigabytes: such an image is for qemu-img.
    private static let entryLimit = 1 << 25

    var counts: [UInt64: UInt64] = [:]
    private var entryCount = 0

    mutating func add(_ clusters: ClosedRange<UInt64>) throws(QcowError) {
      try visit(clusters.count)
      for cluster in clusters { counts[cluster, default: 0] += 1 }
    }

    mutating func visit(_ count: Int) throws(QcowError) {
      entryCount += count
      guard entryCount <= Self.entryLimit else {
        throw .unsupported("the repair of an image of this size (use 'qemu-img check -r all')")
      }
    }
  }

  /// Sets the refcounts of an image that was not closed to the number of references, and clears the mark.
  ///
  /// With lazy refcounts other programs leave them out of date until an image is closed (qcow2 specification, "Dirty bit").
  func repair(_ snapshots: [QcowSnapshot]) throws(QcowError) {
    try beginWriting()
    var census = Census()
    try countTables(snapshots, &census)
    try countReferences(of: l1, &census)
    for snapshot in snapshots {
      try countReferences(
        of: try Self.readWords(file, count: snapshot.l1Count, at: snapshot.l1Offset), &census)
    }
    // First what is missing: a cluster in use must not look free, whenever this ends. New blocks come behind everything.
    endCluster = max(endCluster, (census.counts.keys.max() ?? 0) + 1)
    searchStart = endCluster
    for (cluster, count) in census.counts.sorted(by: { $0.key < $1.key })
    where try refcount(of: cluster) < count {
      try makeRefcountBlock(of: cluster)
      try setRefcount(count, of: cluster)
      if cache.changeCount > 512 { try cache.write(.refcount) }
    }
    try cache.write(.refcount)
    try synchronize()
    try lowerRefcounts(to: census.counts)
    try repairFlags(census.counts)
    try commit()
    searchStart = 0
    header.incompatible &= ~QcowHeader.Incompatible.dirty
    try storeWord(header.incompatible, at: QcowHeader.Field.incompatible)
    try synchronize()
  }

  private func clusters(_ offset: UInt64, _ byteCount: UInt64) -> ClosedRange<UInt64> {
    offset >> clusterBits...(offset + max(byteCount, 1) - 1) >> clusterBits
  }

  private func countTables(_ snapshots: [QcowSnapshot], _ census: inout Census) throws(QcowError) {
    try census.add(0...0)
    try census.add(clusters(l1Offset, UInt64(l1.count) * 8))
    try census.add(clusters(header.refcountTableOffset, header.refcountTableClusterCount << clusterBits))
    for block in refcountTable where block != 0 { try census.add(clusters(block, 1)) }
    for snapshot in snapshots where snapshot.l1Count > 0 {
      try census.add(clusters(snapshot.l1Offset, UInt64(snapshot.l1Count) * 8))
    }
    guard header.snapshotCount > 0 else { return }
    let table = try QcowSnapshot.read(file, header)
    try census.add(clusters(header.snapshotOffset, table.byteCount))
  }

  private func countReferences(of l1: [UInt64], _ census: inout Census) throws(QcowError) {
    for entry in l1 {
      guard let table = try l2Table(entry) else { continue }
      try census.add(clusters(table, 1))
      let count = Int(header.l2ByteCount / 8)
      try census.visit(count)
      for word in try Self.readWords(file, count: count, at: table) {
        switch try QcowMapping(word, header) {
        case .data(let host, _), .zero(let host?):
          try checkPlace(host, byteCount: header.clusterByteCount)
          try census.add(clusters(host, 1))
        case .compressed(let offset, let byteCount):
          try checkPlace(offset, byteCount: 1)
          try census.add(clusters(offset, UInt64(byteCount)))
        case .unallocated, .zero(nil): break
        }
      }
    }
  }

  /// Lowers the refcounts that are too high. New refcount blocks and tables are in use though the census does not know them.
  private func lowerRefcounts(to counts: [UInt64: UInt64]) throws(QcowError) {
    for (index, block) in refcountTable.enumerated() where block != 0 {
      let first = UInt64(index) * refcountsPerBlock
      guard first < endCluster else { continue }
      for cluster in first..<min(first + refcountsPerBlock, endCluster) {
        guard let wanted = counts[cluster] ?? (tableClusters.contains(cluster) ? nil : 0) else { continue }
        if try refcount(of: cluster) > wanted { try setRefcount(wanted, of: cluster) }
      }
      if cache.changeCount > 512 { try cache.write(.refcount) }
    }
  }

  /// Makes the flags of the level 1 and level 2 tables in use say which clusters have one reference.
  private func repairFlags(_ counts: [UInt64: UInt64]) throws(QcowError) {
    for index in l1.indices {
      guard let table = try l2Table(l1[index]) else { continue }
      let isOwned = counts[table >> clusterBits] == 1
      if (l1[index] & QcowMapping.ownedFlag != 0) != isOwned {
        l1[index] ^= QcowMapping.ownedFlag
        changedL1.insert(index)
      }
      for number in 0..<header.l2ByteCount / 8 {
        let place = table + number * 8
        let entry = try cache.load(UInt64.self, at: place)
        guard case .data(let host, let saysOwned) = try QcowMapping(entry, header) else { continue }
        guard saysOwned != (counts[host >> clusterBits] == 1) else { continue }
        try cache.store(entry ^ QcowMapping.ownedFlag, at: place, .reference)
      }
    }
  }
}
