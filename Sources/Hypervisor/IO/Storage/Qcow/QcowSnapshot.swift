import SystemPackage

/// An internal snapshot (qcow2 specification, "Snapshots").
struct QcowSnapshot: Equatable {
  /// The most bytes of a snapshot table: that of QEMU.
  private static let tableByteLimit: UInt64 = 64 << 20
  private static let fixedByteCount = 40
  private static let extraByteLimit: UInt32 = 1024

  let identifier: String
  let name: String
  let l1Offset: UInt64
  let l1Count: Int
  /// The size of the disk at that time; nil if the snapshot does not say.
  let virtualByteCount: UInt64?

  /// The snapshots of `file`, and the number of bytes of their table.
  static func read(
    _ file: any QcowFile, _ header: QcowHeader
  ) throws(QcowError) -> (snapshots: [QcowSnapshot], byteCount: UInt64) {
    var snapshots: [QcowSnapshot] = []
    let fileByteCount = try qcowCall { () throws(Errno) in try file.byteCount() }
    var position = header.snapshotOffset
    for _ in 0..<header.snapshotCount {
      guard position + UInt64(fixedByteCount) <= fileByteCount else { throw outside }
      let fixed = HostBuffer(byteCount: fixedByteCount)
      try qcowCall { () throws(Errno) in try file.read(fixed, fixed.all, at: position) }
      let (identifierCount, nameCount) = (
        Int(fixed.load(UInt16.self, at: 12)), Int(fixed.load(UInt16.self, at: 14))
      )
      let extraCount = fixed.load(UInt32.self, at: 36)
      guard extraCount <= extraByteLimit else { throw .damaged("a snapshot with \(extraCount) extra bytes") }
      let restCount = Int(extraCount) + identifierCount + nameCount
      let start = position + UInt64(fixedByteCount)
      guard UInt64(restCount) <= fileByteCount - start else { throw outside }
      let rest = try qcowCall { () throws(Errno) in try file.bytes(restCount, at: start) }
      let texts = Int(extraCount)
      let snapshot = QcowSnapshot(
        identifier: String(decoding: rest[texts..<texts + identifierCount], as: UTF8.self),
        name: String(decoding: rest[(texts + identifierCount)...], as: UTF8.self),
        l1Offset: fixed.load(at: 0), l1Count: Int(fixed.load(UInt32.self, at: 8)),
        virtualByteCount: extraCount >= 16 ? HostBuffer(rest).load(UInt64.self, at: 8) : nil)
      try snapshot.check(header, fileByteCount)
      snapshots.append(snapshot)
      position = (start + UInt64(restCount) + 7) & ~7
      guard position - header.snapshotOffset <= tableByteLimit else {
        throw .damaged("its snapshot table is too large")
      }
    }
    return (snapshots, position - header.snapshotOffset)
  }

  private static var outside: QcowError { .damaged("its snapshot table lies outside the file") }

  private func check(_ header: QcowHeader, _ fileByteCount: UInt64) throws(QcowError) {
    guard l1Count <= 4 << 20, l1Offset & (header.clusterByteCount - 1) == 0, l1Offset <= fileByteCount,
      UInt64(l1Count) * 8 <= fileByteCount - l1Offset
    else { throw .damaged("the level 1 table of a snapshot lies outside the file") }
    guard let virtualByteCount else { return }
    guard virtualByteCount > 0, virtualByteCount <= 1 << 62 else {
      throw .damaged("the disk of a snapshot has no valid size")
    }
  }
}
