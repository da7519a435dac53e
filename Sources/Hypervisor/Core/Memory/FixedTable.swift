import CLinux
import HostSystem
import SystemPackage

/// A table of a fixed number of values, allocated once: for state of requests that an I/O thread reads and writes without a
/// check of uniqueness or exclusivity.
///
/// Each index is checked, or taken modulo the table's length. One thread at a time.
@safe
struct FixedTable<Element: BitwiseCopyable>: ~Copyable {
  // SAFETY: `mapping` has room at `base` for `count` values, which are initialized. Each method checks its index against `count`,
  // or limits it by `mask`, which is less than `count`.
  private let mapping: Mapping
  private let base: UnsafeMutablePointer<Element>
  /// Number of values.
  let count: Int
  /// The largest power of two that is not larger than ``count``, less 1.
  private let mask: Int

  /// A table of `count` values, all of them `value`.
  ///
  /// - Throws: ENOMEM, or EINVAL if `count` is not positive.
  init(repeating value: Element, count: Int) throws(Errno) {
    try self.init(zeroed: count)
    // SAFETY: there is room for `count` values.
    unsafe base.initialize(repeating: value, count: count)
  }

  private init(zeroed count: Int) throws(Errno) {
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard count > 0, !overflow else { throw .invalidArgument }
    mapping = try Mapping.anonymous(byteCount: byteCount)
    unsafe base = unsafe mapping.base.assumingMemoryBound(to: Element.self)
    self.count = count
    mask = 1 << (Int.bitWidth - 1 - count.leadingZeroBitCount) - 1
  }

  /// The value at `index`.
  @inline(__always)
  subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "an index of the table")
      return unsafe base[index]
    }
    nonmutating set {
      precondition(index >= 0 && index < count, "an index of the table")
      unsafe base[index] = newValue
    }
  }

  /// The value at an index that was checked before: without a branch, because an index beyond the largest power of two in
  /// ``count`` wraps.
  @inline(__always)
  subscript(wrapping index: UInt16) -> Element {
    get { unsafe base[Int(index) & mask] }
    nonmutating set { unsafe base[Int(index) & mask] = newValue }
  }
}

extension FixedTable<IOVector> {
  /// A table of `count` empty vectors. Its memory becomes resident only as far as it is used.
  ///
  /// - Throws: ENOMEM, or EINVAL if `count` is not positive.
  init(emptyVectors count: Int) throws(Errno) {
    // An empty vector is 16 zero bytes, and the mapping is zeroed.
    try self.init(zeroed: count)
  }

  /// The first `count` vectors of row `index` of a table of rows of `length` vectors. The index was checked before: it wraps as
  /// in ``subscript(wrapping:)``.
  ///
  /// - Parameter length: a power of two, not more than ``count``.
  @inline(__always)
  func row(wrapping index: UInt16, length: Int, count: Int) -> IOVectors {
    precondition(length.nonzeroBitCount == 1 && length <= self.count, "rows of the table")
    precondition(count >= 0 && count <= length, "vectors of the row")
    // SAFETY: the masked offset is a multiple of `length`, as is `mask + 1`, so that the row ends within the table.
    let first = Int(index) &* length & mask
    return unsafe IOVectors(
      UnsafeMutableRawPointer(base + first).assumingMemoryBound(to: iovec.self), count: count)
  }

  /// The `length` vectors from `first` on, for system calls. The table must outlive their use.
  @inline(__always)
  func vectors(from first: Int, count length: Int) -> IOVectors {
    precondition(first >= 0 && length >= 0 && first <= count &- length, "vectors of the table")
    // SAFETY: a vector consists of one iovec.
    return unsafe IOVectors(
      UnsafeMutableRawPointer(base + first).assumingMemoryBound(to: iovec.self), count: length)
  }
}
