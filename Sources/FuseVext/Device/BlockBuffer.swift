import Glibc
import HostSystem
import SystemPackage

/// Page-aligned memory from a ``BlockDevice``.
///
/// Every access is checked against its extent. Who may touch the bytes, and when, is decided by who holds the buffer.
@safe
public final class BlockBuffer: @unchecked Sendable {
  // SAFETY: there are `byteCount` initialized bytes at `base` until `release` is called: the maker of the buffer promises it, and
  // `deinit` alone calls `release`. Every method checks its range by `address(_:_:)` before it forms a pointer. Bytes that a device
  // or another thread changes meanwhile are other bytes, of a type that has no invalid values.
  private let base: UnsafeMutableRawPointer
  /// The length in bytes.
  public let byteCount: Int
  private let release: () -> Void

  /// Memory of another owner.
  ///
  /// - Parameter release: Called when the buffer goes away.
  public init(base: UnsafeMutableRawPointer, byteCount: Int, release: @escaping () -> Void) {
    unsafe self.base = unsafe base
    self.byteCount = byteCount
    self.release = release
  }

  private static let hugePageByteCount = 2 << 20

  /// Allocates ordinary memory of the process: in huge pages if it is large, because the kernel pins and copies those faster.
  public convenience init(byteCount: Int) throws(Errno) {
    let huge = Self.hugePageByteCount
    let isLarge = byteCount > huge / 2 && byteCount < Int.max - huge
    let mapping = try Mapping.anonymous(byteCount: isLarge ? (byteCount + huge - 1) / huge * huge : byteCount)
    // A kernel without huge pages has small ones.
    if isLarge { do throws(Errno) { try mapping.adviseHugePages() } catch {} }
    let owner = MappingOwner(mapping)
    unsafe self.init(base: owner.mapping.base, byteCount: byteCount) { withExtendedLifetime(owner) {} }
  }

  deinit { release() }

  /// A part of the buffer; the range must lie inside.
  public func slice(_ offset: Int, _ count: Int) -> BlockMemory {
    precondition(offset >= 0 && count >= 0 && offset <= byteCount - count, "a slice lies inside its buffer")
    return BlockMemory(self, offset: offset, count: count)
  }

  /// The part of the buffer at an address; nil if the range does not lie inside.
  func slice(at address: UnsafeRawPointer, _ count: Int) -> BlockMemory? {
    let (offset, overflow) = unsafe UInt(bitPattern: address).subtractingReportingOverflow(
      UInt(bitPattern: base))
    guard !overflow, offset <= UInt(byteCount), count >= 0, count <= byteCount - Int(offset) else {
      return nil
    }
    return BlockMemory(self, offset: Int(offset), count: count)
  }

  /// The bytes of a range for a system call, while the buffer lives.
  func unsafeBytes(_ offset: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: address(offset, count), count: count)
  }

  private func address(_ offset: Int, _ count: Int) -> UnsafeMutableRawPointer {
    precondition(
      offset >= 0 && count >= 0 && offset <= byteCount - count, "an access stays inside its buffer")
    return unsafe base + offset
  }

  // MARK: Access

  /// Runs `body` with the bytes of a range.
  func withBytes<Result, Failure: Error>(
    _ offset: Int, _ count: Int, _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let start = unsafe address(offset, count).assumingMemoryBound(to: UInt8.self)
    return try unsafe body(UnsafeBufferPointer(start: start, count: count).span)
  }

  /// Copies of the bytes of a range.
  func bytes(_ offset: Int, _ count: Int) -> [UInt8] { unsafe Array(unsafeBytes(offset, count)) }

  /// Sets all bytes of a range.
  func fill(_ offset: Int, _ count: Int, with byte: UInt8) {
    unsafe _ = memset(address(offset, count), Int32(byte), count)
  }

  /// Copies bytes to `offset`.
  func copy(from source: Span<UInt8>, to offset: Int) {
    unsafe source.withUnsafeBytes { source in
      unsafe unsafeBytes(offset, source.count).copyMemory(from: source)
    }
  }

  /// Copies bytes from a buffer, which may be this one, to `offset`.
  func copy(from source: BlockMemory, to offset: Int) {
    unsafe unsafeBytes(offset, source.count).copyMemory(from: UnsafeRawBufferPointer(source.unsafeBytes))
  }

  /// Copies `count` bytes from `offset` to `target`, from `position` on.
  func copy(_ offset: Int, _ count: Int, to target: inout MutableSpan<UInt8>, at position: Int) {
    precondition(position >= 0 && position <= target.count - count, "a copy stays inside its target")
    let source = unsafe UnsafeRawBufferPointer(unsafeBytes(offset, count))
    unsafe target.withUnsafeMutableBytes { target in
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[position..<position + count]).copyMemory(
        from: source)
    }
  }

  /// Whether the bytes from `offset` on are those of `other`.
  func holds(_ other: Span<UInt8>, at offset: Int) -> Bool {
    unsafe other.withUnsafeBytes { other in
      guard let start = other.baseAddress else { return true }
      return unsafe memcmp(address(offset, other.count), start, other.count) == 0
    }
  }

  /// Whether an address is a multiple of `alignment`.
  func isAligned(_ offset: Int, to alignment: Int) -> Bool {
    unsafe UInt(bitPattern: address(offset, 0)) % UInt(alignment) == 0
  }
}

extension BlockMemory {
  /// The bytes for a system call, while the buffer lives.
  var unsafeBytes: UnsafeMutableRawBufferPointer { unsafe buffer.unsafeBytes(offset, count) }
}

private final class MappingOwner {
  let mapping: Mapping
  init(_ mapping: consuming Mapping) { self.mapping = mapping }
}
