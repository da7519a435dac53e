import Synchronization
import HostSystem
import SystemPackage

/// An open image of the qcow family: a disk whose clusters are anywhere in a file. Any thread.
///
/// Reads, and writes to clusters that may be overwritten, share the image. What changes tables has it alone, so that no cluster
/// changes its place while another thread reads or writes it.
final class QcowImage: Sendable {
  /// The size of the disk in bytes.
  let byteCount: UInt64
  /// Whether a range can be zeroed without writing zeroes.
  let canDiscard: Bool
  let isWritable: Bool
  private let clusterByteCount: UInt64
  private let tables: QcowTables
  private let reader: QcowReader
  private let image = ThreadLock()
  /// Guards ``tables`` among threads that share the image.
  private let lookup = Mutex(())
  private let report: @Sendable (QcowError) -> Void
  private let hasReported = Atomic(false)

  /// Opens an image whose header was read.
  ///
  /// - Parameters:
  ///   - snapshot: the name of the snapshot to read; nil: the disk as it is.
  ///   - report: is called once, on the thread of the request, when the image is found damaged.
  init(
    _ file: any QcowFile, header: QcowHeader, backing: QcowBacking, snapshot: String? = nil, isWritable: Bool,
    report: @escaping @Sendable (QcowError) -> Void = { _ in }
  ) throws(QcowError) {
    reader = QcowReader(
      file: file, clusterBits: UInt64(header.clusterBits), backing: backing,
      expander: try QcowExpander(header))
    tables = try QcowTables(
      file, header: header, backing: backing, snapshot: snapshot, isWritable: isWritable)
    byteCount = tables.header.virtualByteCount
    clusterByteCount = header.clusterByteCount
    canDiscard = isWritable && (header.version == 3 || (header.version == 2 && backing.byteCount == 0))
    self.isWritable = isWritable
    self.report = report
  }

  /// Fills `range` of `buffer`. Bytes behind the disk's end read as zero.
  func read(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64) throws(QcowError) {
    try noting { () throws(QcowError) in
      try image.shared { () throws(QcowError) in
        var rest = range
        var offset = offset
        while !rest.isEmpty {
          let count = try readRun(buffer, rest, at: offset)
          rest = rest.lowerBound + count..<rest.upperBound
          offset += UInt64(count)
        }
      }
    }
  }

  /// Reads one run of clusters, or part of one cluster.
  private func readRun(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64) throws(QcowError) -> Int
  {
    let within = Int(offset & (clusterByteCount - 1))
    let cluster = offset / clusterByteCount
    let (run, mapping) = try lookup.withLock { _ throws(QcowError) in
      let run = try tables.dataRun(at: offset, byteCount: range.count, owned: false)
      return (run, run == nil ? try tables.mapping(of: cluster) : .unallocated)
    }
    if let run {
      let part = range.lowerBound..<range.lowerBound + run.byteCount
      try qcowCall { () throws(Errno) in try reader.file.read(buffer, part, at: run.host) }
      return run.byteCount
    }
    let count = min(range.count, Int(clusterByteCount) - within)
    try reader.read(
      mapping, of: cluster, within: within, into: buffer, range.lowerBound..<range.lowerBound + count)
    return count
  }

  /// Writes `range` of `buffer`, which lies within the disk.
  func write(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64) throws(QcowError) {
    try noting { () throws(QcowError) in
      let isDone = try image.shared { () throws(QcowError) in
        guard let run = ownedRun(at: offset, byteCount: range.count), run.byteCount == range.count else {
          return false
        }
        try qcowCall { () throws(Errno) in try reader.file.write(buffer, range, at: run.host) }
        return true
      }
      if !isDone {
        try changingTables { () throws(QcowError) in try tables.write(buffer, range, at: offset, reader) }
      }
    }
  }

  /// A run that may be overwritten now; nil also for damage, which is found again by the thread that has the image alone.
  private func ownedRun(at offset: UInt64, byteCount: Int) -> (host: UInt64, byteCount: Int)? {
    lookup.withLock { _ in
      guard tables.hasBegunWriting, tables.failure == nil else { return nil }
      do throws(QcowError) { return try tables.dataRun(at: offset, byteCount: byteCount, owned: true) } catch
      { return nil }
    }
  }

  /// Makes a range of the disk read as zero.
  func zero(at offset: UInt64, byteCount: UInt64) throws(QcowError) {
    try noting { () throws(QcowError) in
      try changingTables { () throws(QcowError) in try tables.zero(at: offset, byteCount: byteCount, reader) }
    }
  }

  /// Brings everything written so far to stable storage.
  func flush() throws(QcowError) {
    guard isWritable else { return }
    try noting { () throws(QcowError) in
      let isDone = try image.shared { () throws(QcowError) in
        let hasOnlyData = try lookup.withLock { _ throws(QcowError) in
          if let failure = tables.failure { throw failure }
          return tables.isCommitted
        }
        guard hasOnlyData else { return false }
        do throws(Errno) { try reader.file.synchronize() } catch {
          lookup.withLock { _ in tables.fail(.failed(error)) }
          throw .failed(error)
        }
        return true
      }
      if !isDone { try changingTables { () throws(QcowError) in try tables.commit() } }
    }
  }

  /// Flushes, and writes what no guest waits for. The image stays open.
  func close() throws(QcowError) {
    guard isWritable else { return }
    try changingTables { () throws(QcowError) in try tables.close() }
  }

  private func changingTables(_ body: () throws(QcowError) -> Void) throws(QcowError) {
    try image.exclusively { () throws(QcowError) in
      try lookup.withLock { _ throws(QcowError) in
        do throws(QcowError) { try body() } catch {
          if case .damaged = error { tables.markDamaged(error) }
          throw error
        }
      }
    }
  }

  /// Reports damage that `body` finds.
  private func noting(_ body: () throws(QcowError) -> Void) throws(QcowError) {
    do throws(QcowError) { try body() } catch {
      switch error {
      case .damaged, .unreadable: if !hasReported.exchange(true, ordering: .relaxed) { report(error) }
      case .failed, .unsupported, .readOnly, .noSnapshot, .backing: break
      }
      throw error
    }
  }
}
