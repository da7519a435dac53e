/// An address in this process, in bytes, in the form of KVM's memory slots.
public struct HostAddress: RawRepresentable, Hashable, Sendable {
  /// The address.
  public var rawValue: UInt64
  /// Wraps `rawValue`.
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// Wraps `rawValue`.
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}
