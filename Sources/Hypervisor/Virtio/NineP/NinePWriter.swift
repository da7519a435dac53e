import CLinux
import SystemPackage

/// Builds one answer in the server's own memory. All numbers are little-endian.
///
/// Every method throws EMSGSIZE where there is no room.
@safe
struct NinePWriter {
  private let base: UnsafeMutableRawPointer
  private let capacity: Int
  /// Bytes so far, the header included.
  private(set) var byteCount: Int

  /// An answer of its header alone.
  init(_ base: UnsafeMutableRawPointer, capacity: Int) {
    unsafe self.base = unsafe base
    self.capacity = capacity
    byteCount = NinePProtocol.headerByteCount
  }

  /// A list of directory entries, part of an answer.
  init(entries base: UnsafeMutableRawPointer, capacity: Int) {
    unsafe self.base = unsafe base
    self.capacity = capacity
    byteCount = 0
  }

  /// Room for more.
  var room: Int { capacity - byteCount }

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

  /// Adds a string: a 16-bit length and `count` bytes from `bytes`.
  mutating func string(_ bytes: UnsafePointer<CChar>, count: Int) throws(Errno) {
    guard let length = UInt16(exactly: count) else { throw .messageTooLong }
    try number(length)
    try reserve(count)
    // SAFETY: the room was checked.
    unsafe memcpy(base + byteCount, bytes, count)
    byteCount += count
  }

  /// Adds the ASCII characters of `text`.
  mutating func string(_ text: StaticString) throws(Errno) {
    // SAFETY: the text has this many bytes.
    try unsafe string(
      UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self), count: text.utf8CodeUnitCount)
  }

  /// Adds up to `limit` bytes that `fill` writes, behind their 32-bit count.
  mutating func data(
    limit: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Errno) -> Int
  ) throws(Errno) {
    let start = byteCount + MemoryLayout<UInt32>.size
    guard start <= capacity else { throw .messageTooLong }
    let room = min(limit, capacity - start)
    // SAFETY: start + room <= capacity.
    let count = try unsafe fill(.init(start: base + start, count: room))
    _ = put(UInt32(count), at: byteCount)
    byteCount = start + count
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
    // SAFETY: callers have checked the room; the header's is there from the start.
    unsafe (base + offset).storeBytes(of: value.littleEndian, as: Value.self)
    return offset + MemoryLayout<Value>.size
  }
}
