import Glibc
import HostSystem
import SystemPackage

/// A piece of memory of this process, for data or tables on their way, with checked access. One thread at a time.
///
/// Every range is checked; one outside the buffer ends the process, because ranges come from this module and never from a guest
/// or an image.
@safe
final class HostBuffer: @unchecked Sendable {
  // SAFETY: `base` points to `byteCount` initialized bytes until `deinit`, and `pointer(_:)`, through which every method goes,
  // checks the range against them.
  /// Number of bytes.
  let byteCount: Int
  private let base: UnsafeMutableRawPointer
  /// The owner of the bytes; nil if they are of the heap.
  private let mapping: Mapping?

  /// A buffer of zeroes.
  init(byteCount: Int) {
    self.byteCount = byteCount
    unsafe base = .allocate(byteCount: max(byteCount, 1), alignment: 4096)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    mapping = nil
  }

  /// A buffer of zeroes whose pages become resident when they are used: a large one of which most guests use little.
  init(untouchedByteCount byteCount: Int) {
    self.byteCount = byteCount
    let pages: Mapping? = try? Mapping.anonymous(byteCount: max(byteCount, 1))
    switch consume pages {
    case .some(let new):
      unsafe base = new.base
      mapping = consume new
    case .none:
      unsafe base = .allocate(byteCount: max(byteCount, 1), alignment: 4096)
      unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
      mapping = nil
    }
  }

  /// A buffer that holds `bytes`.
  convenience init(_ bytes: [UInt8]) {
    self.init(byteCount: bytes.count)
    store(bytes, at: 0)
  }

  /// The memory of a mapping.
  init(_ mapping: consuming Mapping) {
    byteCount = mapping.byteCount
    unsafe base = mapping.base
    self.mapping = consume mapping
  }

  deinit {
    switch mapping {
    case .some: break
    case .none: unsafe base.deallocate()
    }
  }

  /// The whole buffer.
  var all: Range<Int> { 0..<byteCount }

  private func pointer(_ range: Range<Int>) -> UnsafeMutableRawPointer {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "a range of the buffer")
    return unsafe base + range.lowerBound
  }

  /// The bytes of `range` for system calls. The buffer must outlive their use.
  func vector(_ range: Range<Int>) -> IOVector {
    unsafe IOVector(base: pointer(range), byteCount: range.count)
  }

  /// Runs `body` with the bytes of `range`.
  func withBytes<Value, Failure: Error>(
    _ range: Range<Int>, _ body: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try body(
      unsafe Span(_unsafeStart: pointer(range).assumingMemoryBound(to: UInt8.self), count: range.count))
  }

  /// Runs `body` with the bytes of `range`, which it may change.
  func withMutableBytes<Value, Failure: Error>(
    _ range: Range<Int>, _ body: (inout MutableSpan<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let start = unsafe pointer(range).assumingMemoryBound(to: UInt8.self)
    var span = unsafe MutableSpan(_unsafeStart: start, count: range.count)
    return try body(&span)
  }

  func zero(_ range: Range<Int>) { unsafe _ = memset(pointer(range), 0, range.count) }

  /// Copies `range` of `other` to `position`.
  func copy(_ other: HostBuffer, _ range: Range<Int>, to position: Int) {
    unsafe _ = memmove(pointer(position..<position + range.count), other.pointer(range), range.count)
  }

  func store(_ bytes: [UInt8], at position: Int) {
    vector(position..<position + bytes.count).store(bytes.span)
  }

  func bytes(_ range: Range<Int>) -> [UInt8] { vector(range).bytes }

  /// The big-endian number at `position`.
  func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type = Value.self, at position: Int
  ) -> Value {
    let source = unsafe pointer(position..<position + MemoryLayout<Value>.size)
    return unsafe Value(bigEndian: source.loadUnaligned(as: Value.self))
  }

  /// Stores `value` as a big-endian number.
  func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at position: Int) {
    let target = unsafe pointer(position..<position + MemoryLayout<Value>.size)
    unsafe target.storeBytes(of: value.bigEndian, as: Value.self)
  }

  /// The little-endian number at `position`.
  func loadLittleEndian<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type = Value.self, at position: Int
  ) -> Value { load(type, at: position).byteSwapped }

  /// Stores `value` as a little-endian number.
  func storeLittleEndian<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at position: Int) {
    store(value.byteSwapped, at: position)
  }
}
