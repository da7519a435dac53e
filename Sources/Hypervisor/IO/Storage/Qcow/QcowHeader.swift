import SystemPackage

/// The header of an image (qcow2 specification, "Header"; version 1 by QEMU's block/qcow.c), checked against the file.
struct QcowHeader: Equatable, Sendable {
  /// Bits of ``incompatible`` (byte 72).
  enum Incompatible {
    static let dirty: UInt64 = 1 << 0
    static let corrupt: UInt64 = 1 << 1
    static let externalData: UInt64 = 1 << 2
    static let compressionType: UInt64 = 1 << 3
    static let extendedL2: UInt64 = 1 << 4
    /// The bits that the code reads images with.
    static let supported = dirty | corrupt | compressionType
  }

  /// Places of fields that change, in bytes.
  enum Field {
    static let refcountTable: UInt64 = 48
    static let incompatible: UInt64 = 72
    static let autoclear: UInt64 = 88
  }

  /// The bytes that are read for a header, its extensions and the backing file's name.
  private static let byteLimit = 1 << 16
  /// The most bytes of a level 1 table, of a table of refcount blocks, and the most snapshots: those of QEMU.
  private static let l1ByteLimit: UInt64 = 32 << 20
  static let refcountTableByteLimit: UInt64 = 8 << 20
  private static let snapshotLimit: UInt32 = 65_536
  private static let backingNameByteLimit: UInt32 = 1023

  /// 1, 2 or 3.
  var version: UInt32
  var clusterBits: UInt32
  /// The binary logarithm of the number of entries of a level 2 table.
  var l2Bits: UInt32
  /// The size of the disk in bytes.
  var virtualByteCount: UInt64
  var l1Offset: UInt64
  /// Number of entries of the level 1 table.
  var l1Count: Int
  var refcountTableOffset: UInt64 = 0
  var refcountTableClusterCount: UInt64 = 0
  /// The binary logarithm of a refcount's width in bits.
  var refcountOrder: UInt32 = 4
  var snapshotCount = 0
  var snapshotOffset: UInt64 = 0
  var incompatible: UInt64 = 0
  var autoclear: UInt64 = 0
  var compression = QcowCompression.zlib
  var backingName: String?
  var backingFormat: String?

  var clusterByteCount: UInt64 { 1 << UInt64(clusterBits) }
  var l2ByteCount: UInt64 { 8 << UInt64(l2Bits) }
  var isDirty: Bool { incompatible & Incompatible.dirty != 0 }
  var isCorrupt: Bool { incompatible & Incompatible.corrupt != 0 }

  /// Reads and checks the header of `file`.
  init(_ file: any QcowFile) throws(QcowError) {
    let fileByteCount = try qcowCall { () throws(Errno) in try file.byteCount() }
    let head = HostBuffer(byteCount: Self.byteLimit)
    try qcowCall { () throws(Errno) in try file.read(head, head.all, at: 0) }
    guard head.load(UInt32.self, at: 0) == 0x5146_49FB else { throw .damaged("it has no qcow header") }
    switch head.load(UInt32.self, at: 4) {
    case 1: try self.init(version1: head)
    case 2, 3: try self.init(version2: head)
    case let version: throw .unsupported("qcow version \(version)")
    }
    guard virtualByteCount > 0, virtualByteCount <= 1 << 62 else {
      throw .damaged("its disk has no valid size")
    }
    let coverage = UInt64(clusterBits + l2Bits)
    let needed = (virtualByteCount - 1) >> coverage + 1
    if version == 1 {
      guard needed <= Self.l1ByteLimit / 8 else { throw .damaged("its level 1 table is too large") }
      l1Count = Int(needed)
    }
    guard UInt64(l1Count) * 8 <= Self.l1ByteLimit else { throw .damaged("its level 1 table is too large") }
    guard UInt64(l1Count) >= needed else { throw .damaged("its level 1 table is too small") }
    try check(l1Offset, UInt64(l1Count) * 8, fileByteCount, "level 1 table")
    guard version > 1 else { return }
    try check(
      refcountTableOffset, refcountTableClusterCount << UInt64(clusterBits), fileByteCount,
      "refcount table")
    let isTablePlace = isAligned(snapshotOffset) && snapshotOffset > 0 && snapshotOffset < fileByteCount
    guard snapshotCount == 0 || isTablePlace else {
      throw .damaged("its snapshot table lies outside the file")
    }
  }

  private init(version1 head: HostBuffer) throws(QcowError) {
    version = 1
    clusterBits = UInt32(head.load(UInt8.self, at: 32))
    l2Bits = UInt32(head.load(UInt8.self, at: 33))
    virtualByteCount = head.load(at: 24)
    l1Offset = head.load(at: 40)
    l1Count = 0
    guard (9...16).contains(clusterBits) else { throw .damaged("clusters of 2^\(clusterBits) bytes") }
    guard (6...13).contains(l2Bits) else { throw .damaged("level 2 tables of 2^\(l2Bits) entries") }
    try Self.checkEncryption(head.load(at: 36))
    backingName = try backingName(head)
  }

  private init(version2 head: HostBuffer) throws(QcowError) {
    version = head.load(at: 4)
    clusterBits = head.load(at: 20)
    guard (9...21).contains(clusterBits) else { throw .damaged("clusters of 2^\(clusterBits) bytes") }
    l2Bits = clusterBits - 3
    virtualByteCount = head.load(at: 24)
    try Self.checkEncryption(head.load(at: 32))
    l1Count = Int(head.load(UInt32.self, at: 36))
    l1Offset = head.load(at: 40)
    refcountTableOffset = head.load(at: 48)
    refcountTableClusterCount = UInt64(head.load(UInt32.self, at: 56))
    snapshotCount = Int(head.load(UInt32.self, at: 60))
    snapshotOffset = head.load(at: 64)
    var headerByteCount = 72
    if version == 3 {
      incompatible = head.load(at: 72)
      autoclear = head.load(at: 88)
      refcountOrder = head.load(at: 96)
      headerByteCount = Int(head.load(UInt32.self, at: 100))
      guard headerByteCount >= 104, headerByteCount % 8 == 0,
        headerByteCount <= min(Int(clusterByteCount), Self.byteLimit)
      else { throw .damaged("a header of \(headerByteCount) bytes") }
    }
    guard refcountOrder <= 6 else { throw .damaged("refcounts of 2^\(refcountOrder) bits") }
    let tableByteCount = refcountTableClusterCount << UInt64(clusterBits)
    guard refcountTableClusterCount > 0, tableByteCount <= Self.refcountTableByteLimit else {
      throw .damaged("a refcount table of \(refcountTableClusterCount) clusters")
    }
    guard snapshotCount <= Self.snapshotLimit else { throw .damaged("\(snapshotCount) snapshots") }
    let extensions = QcowHeaderExtensions(
      head, from: headerByteCount, to: min(Int(clusterByteCount), Self.byteLimit))
    try checkFeatures(extensions)
    if incompatible & Incompatible.compressionType != 0 {
      guard headerByteCount > 104 else { throw .damaged("a compression type is missing") }
      switch head.load(UInt8.self, at: 104) {
      case 0: compression = .zlib
      case 1: compression = .zstd
      case let type: throw .unsupported("compression type \(type)")
      }
    }
    backingName = try backingName(head)
    backingFormat = extensions.backingFormat
  }

  private static func checkEncryption(_ method: UInt32) throws(QcowError) {
    switch method {
    case 0: return
    case 1: throw .unsupported("encryption (AES)")
    case 2: throw .unsupported("encryption (LUKS)")
    default: throw .unsupported("encryption method \(method)")
    }
  }

  /// Refuses incompatible features by their names.
  private func checkFeatures(_ extensions: QcowHeaderExtensions) throws(QcowError) {
    if incompatible & Incompatible.externalData != 0 { throw .unsupported("an external data file") }
    if incompatible & Incompatible.extendedL2 != 0 { throw .unsupported("extended_l2 (subclusters)") }
    let unknown = incompatible & ~Incompatible.supported
    guard unknown != 0 else { return }
    let bit = UInt8(unknown.trailingZeroBitCount)
    let name = extensions.incompatibleNames[bit].map { " (\($0))" } ?? ""
    throw .unsupported("incompatible feature \(bit)\(name)")
  }

  private func backingName(_ head: HostBuffer) throws(QcowError) -> String? {
    let offset = head.load(UInt64.self, at: 8)
    let byteCount = head.load(UInt32.self, at: 16)
    guard offset != 0, byteCount != 0 else { return nil }
    let limit = min(clusterByteCount, UInt64(Self.byteLimit))
    guard byteCount <= Self.backingNameByteLimit, offset <= limit, UInt64(byteCount) <= limit - offset else {
      throw .damaged("its backing file's name lies outside the header's cluster")
    }
    let bytes = head.bytes(Int(offset)..<Int(offset) + Int(byteCount))
    guard !bytes.contains(0), let name = String(validating: bytes, as: UTF8.self) else {
      throw .damaged("its backing file's name is not UTF-8")
    }
    return name
  }

  private func isAligned(_ offset: UInt64) -> Bool { offset & (clusterByteCount - 1) == 0 }

  private func check(
    _ offset: UInt64, _ byteCount: UInt64, _ fileByteCount: UInt64, _ table: String
  ) throws(QcowError) {
    guard version == 1 ? offset & 7 == 0 : isAligned(offset) else {
      throw .damaged("its \(table) is not aligned")
    }
    guard offset > 0, offset <= fileByteCount, byteCount <= fileByteCount - offset else {
      throw .damaged("its \(table) lies outside the file")
    }
  }
}
