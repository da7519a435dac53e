import Glibc

/// A piece of host memory for data or tables of an image, with checked access. One thread at a time.
///
/// Every range is checked; one outside the buffer ends the process, because ranges come from this module and never from an image.
// SAFETY: `base` points to `byteCount` bytes until `deinit`, and each method checks its range against them.
@safe
final class QcowBuffer: @unchecked Sendable {
  /// Number of bytes.
  let byteCount: Int
  private let base: UnsafeMutableRawPointer

  /// A buffer of zeroes.
  init(byteCount: Int) {
    self.byteCount = byteCount
    unsafe base = .allocate(byteCount: max(byteCount, 1), alignment: 4096)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  /// A buffer that holds `bytes`.
  convenience init(_ bytes: [UInt8]) {
    self.init(byteCount: bytes.count)
    store(bytes, at: 0)
  }

  deinit { unsafe base.deallocate() }

  /// The whole buffer.
  var all: Range<Int> { 0..<byteCount }

  /// The first byte of `range`, which stays valid as long as the buffer lives.
  @unsafe
  func pointer(_ range: Range<Int>) -> UnsafeMutableRawPointer {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "a range of the buffer")
    return unsafe base + range.lowerBound
  }

  func zero(_ range: Range<Int>) { unsafe _ = memset(pointer(range), 0, range.count) }

  /// Copies `range` of `other` to `position`.
  func copy(_ other: QcowBuffer, _ range: Range<Int>, to position: Int) {
    unsafe _ = memmove(pointer(position..<position + range.count), other.pointer(range), range.count)
  }

  func store(_ bytes: [UInt8], at position: Int) {
    let target = unsafe pointer(position..<position + bytes.count)
    unsafe bytes.withUnsafeBytes { source in
      guard let first = source.baseAddress else { return }
      unsafe _ = memcpy(target, first, source.count)
    }
  }

  func bytes(_ range: Range<Int>) -> [UInt8] {
    unsafe [UInt8](UnsafeRawBufferPointer(start: pointer(range), count: range.count))
  }

  /// The big-endian number at `position`.
  func load<Value: FixedWidthInteger>(_ type: Value.Type = Value.self, at position: Int) -> Value {
    let source = unsafe pointer(position..<position + MemoryLayout<Value>.size)
    return unsafe Value(bigEndian: source.loadUnaligned(as: Value.self))
  }

  /// Stores `value` as a big-endian number.
  func store<Value: FixedWidthInteger>(_ value: Value, at position: Int) {
    let target = unsafe pointer(position..<position + MemoryLayout<Value>.size)
    unsafe target.storeBytes(of: value.bigEndian, as: Value.self)
  }
}
