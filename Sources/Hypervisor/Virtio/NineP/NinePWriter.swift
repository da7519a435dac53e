import SystemPackage

/// Builds one answer in the server's own memory. All numbers are little-endian.
///
/// Every method throws EMSGSIZE where there is no room.
struct NinePWriter {
  private let buffer: HostBuffer
  /// Where the bytes go.
  private let range: Range<Int>
  /// Bytes so far, the header included.
  private(set) var byteCount: Int

  /// An answer of its header alone, which may become as long as `buffer`.
  init(_ buffer: HostBuffer) {
    self.buffer = buffer
    range = buffer.all
    byteCount = NinePProtocol.headerByteCount
  }

  /// A part of an answer, without a header.
  private init(_ buffer: HostBuffer, _ range: Range<Int>) {
    self.buffer = buffer
    self.range = range
    byteCount = 0
  }

  /// Room for more.
  var room: Int { range.count - byteCount }

  /// Adds a number.
  mutating func number(_ value: some FixedWidthInteger & BitwiseCopyable) throws(Errno) {
    try reserve(MemoryLayout.size(ofValue: value))
    byteCount = put(value, at: byteCount)
  }

  /// Adds a qid: type[1] version[4] path[8].
  mutating func qid(_ qid: NinePQid) throws(Errno) {
    try number(qid.kind.rawValue)
    try number(qid.version)
    try number(qid.path)
  }

  /// Adds a string: a 16-bit length and the bytes.
  mutating func string(_ bytes: [UInt8]) throws(Errno) {
    guard let length = UInt16(exactly: bytes.count) else { throw .messageTooLong }
    try number(length)
    try reserve(bytes.count)
    append(bytes)
  }

  /// Adds bytes behind their 32-bit count, at most `limit` of them.
  mutating func data(limit: Int, _ bytes: some Collection<UInt8>) throws(Errno) {
    try data(limit: limit) { (part) throws(Errno) in part.append(Array(bytes.prefix(part.room))) }
  }

  /// Adds up to `limit` bytes that `fill` writes, behind their 32-bit count.
  mutating func data(limit: Int, _ fill: (inout NinePWriter) throws(Errno) -> Void) throws(Errno) {
    let start = byteCount + MemoryLayout<UInt32>.size
    guard start <= range.count else { throw .messageTooLong }
    let room = min(limit, range.count - start)
    let first = range.lowerBound + start
    var part = NinePWriter(buffer, first..<first + room)
    try fill(&part)
    _ = put(UInt32(part.byteCount), at: byteCount)
    byteCount = start + part.byteCount
  }

  /// Adds bytes for which there is room.
  private mutating func append(_ bytes: [UInt8]) {
    precondition(bytes.count <= room, "room was reserved")
    buffer.store(bytes, at: range.lowerBound + byteCount)
    byteCount += bytes.count
  }

  /// Makes it the answer that carries an error number instead.
  mutating func fail(_ error: Errno, tag: UInt16) {
    byteCount = put(UInt32(bitPattern: error.rawValue), at: NinePProtocol.headerByteCount)
    finish(type: NinePProtocol.errorType, tag: tag, payloadByteCount: 0)
  }

  /// Writes the header, of an answer that `payloadByteCount` bytes follow elsewhere.
  func finish(type: UInt8, tag: UInt16, payloadByteCount: Int) {
    var offset = put(UInt32(byteCount + payloadByteCount), at: 0)
    offset = put(type, at: offset)
    _ = put(tag, at: offset)
  }

  private func reserve(_ count: Int) throws(Errno) {
    guard count <= room else { throw .messageTooLong }
  }

  @discardableResult
  private func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) -> Int {
    buffer.storeLittleEndian(value, at: range.lowerBound + offset)
    return offset + MemoryLayout<Value>.size
  }
}
