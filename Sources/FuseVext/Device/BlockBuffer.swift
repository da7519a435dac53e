import HostSystem
import SystemPackage

/// Page-aligned memory from a ``BlockDevice``.
///
/// It guards the extent alone: who may touch the bytes, and when, is decided by who holds it.
@safe
public final class BlockBuffer: @unchecked Sendable {
  /// The first byte.
  public let base: UnsafeMutableRawPointer
  /// The length in bytes.
  public let byteCount: Int
  private let release: () -> Void

  /// Memory of somebody else.
  ///
  /// - Parameter release: Called when the buffer goes away.
  public init(base: UnsafeMutableRawPointer, byteCount: Int, release: @escaping () -> Void) {
    unsafe self.base = unsafe base
    self.byteCount = byteCount
    self.release = release
  }

  /// Allocates ordinary memory of the process.
  public convenience init(byteCount: Int) throws(Errno) {
    let owner = MappingOwner(try Mapping.anonymous(byteCount: byteCount))
    // SAFETY: the owner lives in the closure, as long as this object.
    unsafe self.init(base: owner.mapping.base, byteCount: byteCount) { withExtendedLifetime(owner) {} }
  }

  deinit { release() }

  /// A part of the buffer; the range must lie inside.
  public func slice(_ offset: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
    precondition(offset >= 0 && count >= 0 && offset <= byteCount - count, "a slice lies inside its buffer")
    return unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: count)
  }
}

private final class MappingOwner {
  let mapping: Mapping
  init(_ mapping: consuming Mapping) { self.mapping = mapping }
}
