/// An address in this process, in bytes, as KVM takes it for a memory slot.
public struct HostAddress: RawRepresentable, Hashable, Sendable {
  /// The address.
  public var rawValue: UInt64
  /// Wraps `rawValue`.
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// Wraps `rawValue`.
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}
