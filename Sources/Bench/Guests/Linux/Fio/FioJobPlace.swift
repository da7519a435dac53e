/// Which part of its file a job uses: its own `offset`, `offset_increment` and `size`, within the bytes that bench gives it.
struct FioJobPlace: Equatable {
  /// Where the job, or its first clone, begins.
  let offset: UInt64
  /// How far the clones of `numjobs` are apart.
  let increment: UInt64
  /// Bytes of each.
  let size: UInt64

  /// fio aligns what is written in percent; this is a block of the file system too.
  private static let alignment: UInt64 = 4096

  /// The place of `job` in `byteCount` bytes, of which percentages are taken.
  ///
  /// - Throws: ``BenchFailure`` if less than a block is left.
  init(_ job: FioJobSection, byteCount: UInt64) throws(BenchFailure) {
    func amount(_ key: String) throws(BenchFailure) -> UInt64? {
      guard let text = job.value(key) else { return nil }
      if text.hasSuffix("%"), let percent = UInt64(text.dropLast()), percent <= 100 {
        let part = byteCount / 100 * percent + byteCount % 100 * percent / 100
        return part / Self.alignment * Self.alignment
      }
      if let size = ByteSize(text) { return size.byteCount }
      throw BenchFailure(
        "job \(job.name): \(key)=\(text) is neither a number of bytes nor a percentage up to 100%",
        exitCode: .dataError)
    }
    offset = try amount("offset") ?? 0
    increment = try amount("offset_increment") ?? 0
    let (distance, overflow) = increment.multipliedReportingOverflow(by: job.jobCount - 1)
    let (start, overflowsToo) = offset.addingReportingOverflow(distance)
    guard !overflow, !overflowsToo, start < byteCount else {
      throw BenchFailure(
        "job \(job.name): offset \(ByteSize(byteCount: offset)) and its increments reach beyond --size "
          + "\(ByteSize(byteCount: byteCount))", exitCode: .dataError)
    }
    size = min(try amount("size") ?? byteCount, byteCount - start)
    guard size >= job.leastBlockByteCount else {
      throw BenchFailure(
        "job \(job.name): size=\(job.value("size") ?? "") of --size \(ByteSize(byteCount: byteCount)) leaves \(size) bytes, "
          + "less than a block of \(ByteSize(byteCount: job.leastBlockByteCount))", exitCode: .dataError)
    }
  }

  /// The same for fio, in bytes.
  var options: [FioJobOption] {
    [
      FioJobOption("size", String(size)), offset > 0 ? FioJobOption("offset", String(offset)) : nil,
      increment > 0 ? FioJobOption("offset_increment", String(increment)) : nil,
    ].compactMap { $0 }
  }
}
