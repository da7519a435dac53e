import SystemPackage

/// The tables of one image: which cluster of the disk is where in the file, and which clusters of the file are in use.
///
/// One thread at a time: the lock of ``QcowImage`` guards it. The order of writes is that of docs/qcow.md: what a reference
/// needs is on stable storage before the reference is written, and a cluster is free only after the last reference to it is
/// gone from there.
final class QcowTables: @unchecked Sendable {
  /// A run of clusters of the file.
  struct Run: Equatable {
    var first: UInt64
    var count: UInt64
  }

  /// The number of changed slices and of clusters to free that is committed without a flush.
  private static let changeLimit = 512
  private static let freeLimit = 1 << 16
  /// No offset in a file reaches it (bits 9 to 55 of an entry).
  static let hostByteLimit: UInt64 = 1 << 55

  let file: any QcowFile
  var header: QcowHeader
  let backing: QcowBacking
  let isWritable: Bool
  /// The entries of the level 1 table in use: the disk's or a snapshot's.
  var l1: [UInt64]
  let l1Offset: UInt64
  var changedL1: Set<Int> = []
  var cache: QcowTableCache
  /// The entries of the refcount table: offsets of the blocks; empty if the image is only read, or has version 1.
  var refcountTable: [UInt64] = []
  /// The first cluster behind the file's end, and behind everything that was allocated.
  var endCluster: UInt64
  /// From this cluster on nobody has written, so that the file reads as zero there.
  var unwrittenCluster: UInt64
  /// Where the search for a free cluster starts.
  var searchStart: UInt64 = 0
  /// The clusters of the header and of tables, which no data may overwrite.
  var tableClusters: Set<UInt64> = []
  /// Clusters to which the last reference on stable storage has yet to go.
  var awaitingFree: [Run] = []
  /// Whether the header says that this program writes.
  private(set) var hasBegunWriting = false
  /// Why nothing can be written any more.
  private(set) var failure: QcowError?

  /// Opens the tables of an image.
  ///
  /// - Parameters:
  ///   - snapshot: name or identifier of the snapshot to read; nil: the disk as it is.
  ///   - isWritable: whether the image is changed. An image that was not closed is repaired then.
  init(
    _ file: any QcowFile, header: QcowHeader, backing: QcowBacking, snapshot: String? = nil, isWritable: Bool
  ) throws(QcowError) {
    self.file = file
    self.backing = backing
    self.isWritable = isWritable
    var header = header
    var (l1Offset, l1Count) = (header.l1Offset, header.l1Count)
    let table = header.snapshotCount > 0 ? try QcowSnapshot.read(file, header) : (snapshots: [], byteCount: 0)
    if let snapshot {
      guard
        let found = table.snapshots.first(where: { $0.name == snapshot })
          ?? table.snapshots.first(where: { $0.identifier == snapshot })
      else { throw .noSnapshot(snapshot) }
      (l1Offset, l1Count) = (found.l1Offset, found.l1Count)
      header.virtualByteCount = found.virtualByteCount ?? header.virtualByteCount
    }
    self.header = header
    self.l1Offset = l1Offset
    cache = QcowTableCache(file, clusterByteCount: header.clusterByteCount)
    let fileByteCount = try qcowCall { () throws(Errno) in try file.byteCount() }
    guard fileByteCount < Self.hostByteLimit else { throw .damaged("a file of \(fileByteCount) bytes") }
    endCluster = (fileByteCount + header.clusterByteCount - 1) >> UInt64(header.clusterBits)
    unwrittenCluster = endCluster
    l1 = try Self.readWords(file, count: l1Count, at: l1Offset)
    guard isWritable else { return }
    guard !header.isCorrupt else {
      throw .readOnly("marked as corrupt; repair it with 'qemu-img check -r all', or open it read-only")
    }
    if header.version > 1 {
      let count = Int(header.refcountTableClusterCount << UInt64(header.clusterBits - 3))
      refcountTable = try Self.readWords(file, count: count, at: header.refcountTableOffset)
    }
    try collectTables(table.snapshots, snapshotTableByteCount: table.byteCount)
    if header.isDirty { try repair(table.snapshots) }
  }

  static func readWords(_ file: any QcowFile, count: Int, at offset: UInt64) throws(QcowError) -> [UInt64] {
    let buffer = HostBuffer(byteCount: count * 8)
    try qcowCall { () throws(Errno) in try file.read(buffer, buffer.all, at: offset) }
    return (0..<count).map { buffer.load(UInt64.self, at: $0 * 8) }
  }

  // MARK: Places

  var clusterBits: UInt64 { UInt64(header.clusterBits) }

  /// Checks that a cluster or table at `offset` begins in the file.
  func checkPlace(_ offset: UInt64, byteCount: UInt64) throws(QcowError) {
    let end = endCluster << clusterBits
    guard offset < end, byteCount <= end - offset else { throw .damaged("a cluster lies outside the file") }
  }

  /// The level 2 table that an entry of the level 1 table refers to; nil if there is none.
  func l2Table(_ entry: UInt64) throws(QcowError) -> UInt64? {
    if entry == 0 { return nil }
    let offset: UInt64
    if header.version == 1 {
      offset = entry
      guard offset & 7 == 0 else { throw .damaged("a level 2 table is not aligned") }
    } else {
      offset = entry & QcowMapping.offsetMask
      guard entry & ~(QcowMapping.offsetMask | QcowMapping.ownedFlag) == 0,
        offset & (header.clusterByteCount - 1) == 0
      else { throw .damaged("a level 1 entry has reserved bits or is not aligned") }
      if offset == 0 { throw .damaged("a level 1 entry has a flag and no table") }
    }
    try checkPlace(offset, byteCount: header.l2ByteCount)
    return offset
  }

  /// Where `cluster` of the disk is.
  func mapping(of cluster: UInt64) throws(QcowError) -> QcowMapping {
    let index = cluster >> UInt64(header.l2Bits)
    // A snapshot of a disk that was smaller.
    guard index < UInt64(l1.count), let table = try l2Table(l1[Int(index)]) else { return .unallocated }
    let entry = try cache.load(UInt64.self, at: entryOffset(of: cluster, in: table))
    let mapping = try QcowMapping(entry, header)
    switch mapping {
    case .data(let host, _), .zero(let host?): try checkPlace(host, byteCount: header.clusterByteCount)
    case .compressed(let offset, _): try checkPlace(offset, byteCount: 1)
    case .unallocated, .zero(nil): break
    }
    return mapping
  }

  func entryOffset(of cluster: UInt64, in table: UInt64) -> UInt64 {
    table + (cluster & (1 << UInt64(header.l2Bits) - 1)) * 8
  }

  /// The host's bytes of a range of the disk, as far as they are one run: where they begin, and how many.
  ///
  /// - Parameter owned: whether to end the run before a cluster that may not be overwritten.
  /// - Returns: nil if the first cluster is no such run.
  func dataRun(at offset: UInt64, byteCount: Int, owned: Bool) throws(QcowError) -> (
    host: UInt64, byteCount: Int
  )? {
    let within = offset & (header.clusterByteCount - 1)
    var cluster = offset >> clusterBits
    guard case .data(let first, let firstIsOwned) = try mapping(of: cluster), firstIsOwned || !owned else {
      return nil
    }
    if owned { try checkNoTable(first) }
    var covered = Int(header.clusterByteCount - within)
    while covered < byteCount {
      cluster += 1
      guard case .data(let host, let isOwned) = try mapping(of: cluster), isOwned || !owned,
        host == first + within + UInt64(covered)
      else { break }
      if owned { try checkNoTable(host) }
      covered += Int(header.clusterByteCount)
    }
    return (first + within, min(covered, byteCount))
  }

  /// Checks that data written to the cluster at `host` destroy no table.
  func checkNoTable(_ host: UInt64) throws(QcowError) {
    guard !tableClusters.contains(host >> clusterBits) else {
      throw .damaged("a cluster of data is a table too")
    }
  }

  /// Whether `cluster` of the disk reads as zero for certain, without reading its data.
  func readsAsZero(_ mapping: QcowMapping, cluster: UInt64) -> Bool {
    switch mapping {
    case .zero: true
    case .unallocated: cluster << clusterBits >= backing.byteCount
    case .data, .compressed: false
    }
  }

  // MARK: Order of writes

  /// Whether nothing waits for ``commit()``.
  var isCommitted: Bool { cache.changeCount == 0 && changedL1.isEmpty && awaitingFree.isEmpty }

  /// Prepares the first write: the features that other programs keep up and this one does not are marked as out of date.
  func beginWriting() throws(QcowError) {
    if let failure { throw failure }
    guard isWritable else { throw .failed(.badFileDescriptor) }
    guard !hasBegunWriting else { return }
    if header.version > 2, header.autoclear != 0 {
      try storeWord(0, at: QcowHeader.Field.autoclear)
      header.autoclear = 0
      try synchronize()
    }
    hasBegunWriting = true
  }

  /// Writes a number of the header or of a table that is not in the cache.
  func storeWord(_ value: UInt64, at offset: UInt64) throws(QcowError) {
    let buffer = HostBuffer(byteCount: 8)
    buffer.store(value, at: 0)
    try qcowCall { () throws(Errno) in try file.write(buffer, buffer.all, at: offset) }
  }

  /// Waits until the writes so far are on stable storage. If it fails, nobody knows which are, and nothing more is written.
  func synchronize() throws(QcowError) {
    do throws(Errno) { try file.synchronize() } catch {
      fail(.failed(error))
      throw .failed(error)
    }
  }

  /// Forbids every further write.
  func fail(_ error: QcowError) { if failure == nil { failure = error } }

  /// Brings the tables to stable storage: refcounts, then references, after which the clusters without references are free.
  func commit() throws(QcowError) {
    if let failure { throw failure }
    try cache.write(.refcount)
    if cache.referenceChangeCount > 0 || !changedL1.isEmpty {
      try synchronize()
      try cache.write(.reference)
      try writeL1()
    }
    try synchronize()
    try freeAwaiting()
  }

  /// Commits if there is much to commit.
  func commitIfFull() throws(QcowError) {
    if cache.changeCount > Self.changeLimit || awaitingFree.count > Self.freeLimit { try commit() }
  }

  /// Commits, and writes the refcounts of the clusters that became free by it.
  func close() throws(QcowError) {
    guard isWritable else { return }
    try commit()
    guard cache.changeCount > 0 else { return }
    try commit()
  }

  private func writeL1() throws(QcowError) {
    for index in changedL1.sorted() {
      try storeWord(l1[index], at: l1Offset + UInt64(index) * 8)
      changedL1.remove(index)
    }
  }

  /// Notes that the image contradicts its format: nothing more is written but the header's mark.
  func markDamaged(_ error: QcowError) {
    guard failure == nil, isWritable else { return }
    failure = error
    guard header.version > 2 else { return }
    header.incompatible |= QcowHeader.Incompatible.corrupt
    do throws(QcowError) {
      try storeWord(header.incompatible, at: QcowHeader.Field.incompatible)
    } catch {
      // The requests fail all the same.
    }
  }
}
