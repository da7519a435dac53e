import SystemPackage

extension QcowTables {
  /// Clusters that were free.
  struct Allocation {
    var run: Run
    /// Whether they read as zero.
    let isUnwritten: Bool
  }

  /// Takes a run of up to `count` clusters, at least one.
  func allocate(upTo count: UInt64) throws(QcowError) -> Allocation {
    if header.version == 1 {
      let isUnwritten = endCluster >= unwrittenCluster
      return Allocation(run: Run(first: try takeEnd(count), count: count), isUnwritten: isUnwritten)
    }
    while true {
      try skipUsed()
      let first = searchStart
      let isUnwritten = first >= unwrittenCluster
      var run = Run(first: first, count: 0)
      while run.count < count, try isFree(first + run.count),
        (first + run.count >= unwrittenCluster) == isUnwritten
      {
        let cluster = first + run.count
        try makeRefcountBlock(of: cluster)
        // The block may have taken the cluster for itself.
        guard try isFree(cluster) else { break }
        try setRefcount(1, of: cluster)
        run.count += 1
        endCluster = max(endCluster, cluster + 1)
      }
      guard run.count > 0 else { continue }
      unwrittenCluster = max(unwrittenCluster, run.first + run.count)
      searchStart = run.first + run.count
      return Allocation(run: run, isUnwritten: isUnwritten)
    }
  }

  /// Moves the start of the search to a free cluster. Clusters behind the file's end may have leaked.
  private func skipUsed() throws(QcowError) {
    while try refcount(of: searchStart) > 0 {
      searchStart += 1
      guard (searchStart + 1) << clusterBits < Self.hostByteLimit else { throw .failed(.fileTooLarge) }
    }
  }

  private func isFree(_ cluster: UInt64) throws(QcowError) -> Bool {
    if try refcount(of: cluster) > 0 { return false }
    guard !tableClusters.contains(cluster) else { throw .damaged("a table has a refcount of 0") }
    return true
  }

  /// Returns clusters that were allocated and never referenced.
  func giveBack(_ run: Run) {
    guard header.version > 1 else { return }
    do throws(QcowError) {
      for cluster in run.first..<run.first + run.count { try setRefcount(0, of: cluster) }
      searchStart = min(searchStart, run.first)
    } catch {
      // They leak, as after a crash.
    }
  }

  /// Frees what a mapping referred to once its end is on stable storage.
  func free(_ mapping: QcowMapping) {
    guard header.version > 1 else { return }
    switch mapping {
    case .data(let host, _), .zero(let host?): freeCluster(host >> clusterBits)
    case .compressed(let offset, let byteCount):
      for cluster in offset >> clusterBits...(offset + UInt64(max(byteCount, 1)) - 1) >> clusterBits {
        freeCluster(cluster)
      }
    case .unallocated, .zero(nil): break
    }
  }

  func freeCluster(_ cluster: UInt64) {
    if let last = awaitingFree.last, last.first + last.count == cluster {
      awaitingFree[awaitingFree.count - 1].count += 1
    } else {
      awaitingFree.append(Run(first: cluster, count: 1))
    }
  }

  /// Counts one reference less to the clusters that await it, and gives the space of free ones back to the host.
  func freeAwaiting() throws(QcowError) {
    let runs = awaitingFree
    awaitingFree = []
    for run in runs {
      var hole = Run(first: run.first, count: 0)
      for cluster in run.first..<run.first + run.count {
        let count = try refcount(of: cluster)
        guard count > 0 else {
          let error = QcowError.damaged("a cluster in use has a refcount of 0")
          markDamaged(error)
          throw error
        }
        try setRefcount(count - 1, of: cluster)
        if count == 1, hole.first + hole.count == cluster {
          hole.count += 1
        } else {
          punch(hole)
          hole = Run(first: count == 1 ? cluster : cluster + 1, count: count == 1 ? 1 : 0)
        }
        if count == 1 { searchStart = min(searchStart, cluster) }
      }
      punch(hole)
    }
  }

  private func punch(_ run: Run) {
    guard run.count > 0 else { return }
    file.punchHole(at: run.first << clusterBits, byteCount: run.count << clusterBits)
  }

  // MARK: Level 2 tables

  /// The level 2 table of `cluster`, made or copied so that it may be changed.
  func writableL2Table(of cluster: UInt64) throws(QcowError) -> UInt64 {
    let index = Int(cluster >> UInt64(header.l2Bits))
    guard index < l1.count else { throw .damaged("the level 1 table is too small") }
    let old = try l2Table(l1[index])
    if let old, header.version == 1 || l1[index] & QcowMapping.ownedFlag != 0 { return old }
    let content = HostBuffer(byteCount: Int(header.l2ByteCount))
    if let old {
      for position in stride(from: 0, to: content.byteCount, by: 8) {
        content.store(try cache.load(UInt64.self, at: old + UInt64(position)), at: position)
      }
    }
    let clusterCount = (header.l2ByteCount + header.clusterByteCount - 1) >> clusterBits
    let run = try allocate(upTo: clusterCount).run
    let offset = run.first << clusterBits
    do throws(QcowError) {
      try qcowCall { () throws(Errno) in try file.write(content, content.all, at: offset) }
    } catch {
      giveBack(run)
      throw error
    }
    cache.forget(offset, byteCount: clusterCount << clusterBits)
    l1[index] = header.version == 1 ? offset : offset | QcowMapping.ownedFlag
    changedL1.insert(index)
    for cluster in run.first..<run.first + run.count { tableClusters.insert(cluster) }
    if let old { freeCluster(old >> clusterBits) }
    return offset
  }

  /// Makes entries of `table` refer to the clusters of `run`, and frees what they referred to.
  func refer(from cluster: UInt64, in table: UInt64, to run: Run) throws(QcowError) {
    var old: [QcowMapping] = []
    for number in 0..<run.count { old.append(try mapping(of: cluster + number)) }
    for number in 0..<run.count {
      let host = (run.first + number) << clusterBits
      let entry = header.version == 1 ? host : host | QcowMapping.ownedFlag
      try cache.store(entry, at: entryOffset(of: cluster + number, in: table), .reference)
      free(old[Int(number)])
    }
  }

  // MARK: Opening

  /// Collects the clusters of the header and of tables. Two tables in one cluster are damage.
  func collectTables(_ snapshots: [QcowSnapshot], snapshotTableByteCount: UInt64) throws(QcowError) {
    try collect(0, byteCount: 1, "header")
    try collect(l1Offset, byteCount: UInt64(l1.count) * 8, "level 1 table")
    if header.version > 1 {
      try collect(
        header.refcountTableOffset, byteCount: header.refcountTableClusterCount << clusterBits,
        "refcount table")
      for block in refcountTable where block != 0 {
        guard block & (header.clusterByteCount - 1) == 0 else {
          throw .damaged("a refcount block is not aligned")
        }
        try checkPlace(block, byteCount: header.clusterByteCount)
        try collect(block, byteCount: 1, "refcount block")
      }
    }
    if snapshotTableByteCount > 0 {
      try collect(header.snapshotOffset, byteCount: snapshotTableByteCount, "snapshot table")
    }
    for snapshot in snapshots where snapshot.l1Count > 0 {
      try collect(snapshot.l1Offset, byteCount: UInt64(snapshot.l1Count) * 8, "level 1 table of a snapshot")
    }
    for entry in l1 {
      guard let table = try l2Table(entry) else { continue }
      try collect(table, byteCount: header.l2ByteCount, "level 2 table")
    }
  }

  private func collect(_ offset: UInt64, byteCount: UInt64, _ table: String) throws(QcowError) {
    for cluster in offset >> clusterBits...(offset + byteCount - 1) >> clusterBits {
      // Small structures of version 1 may share a cluster, because only its level 1 table has a place of its own choice.
      guard tableClusters.insert(cluster).inserted || header.version == 1 else {
        throw .damaged("its \(table) lies in another table")
      }
    }
  }
}
