/// A guest-physical address (GPA), in bytes.
///
/// Its name lacks the prefix of the module, because the hypervisor uses it for all memory of guests. The address need not point at memory: the owner of the guest's memory map checks it, with a length, at every use.
@frozen
public struct GuestAddress: RawRepresentable, Hashable, Comparable, BitwiseCopyable, Sendable {
  /// The address in bytes from guest-physical zero.
  public var rawValue: UInt64

  /// Wraps `rawValue`; every value is representable.
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Wraps `rawValue`; every value is representable.
  @inlinable @inline(__always)
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// Orders by address.
  @inlinable @inline(__always)
  public static func < (left: GuestAddress, right: GuestAddress) -> Bool { left.rawValue < right.rawValue }

  /// The address `byteCount` bytes further, or nil if that is past 2^64.
  @inlinable @inline(__always)
  public func advanced(by byteCount: UInt64) -> GuestAddress? {
    let (sum, overflow) = rawValue.addingReportingOverflow(byteCount)
    return overflow ? nil : GuestAddress(sum)
  }

  /// Whether the address is a multiple of `alignment`, a power of two in bytes.
  @inlinable @inline(__always)
  public func isAligned(to alignment: UInt64) -> Bool { rawValue & (alignment &- 1) == 0 }
}
