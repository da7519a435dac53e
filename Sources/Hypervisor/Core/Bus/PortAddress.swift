/// An address in the x86 port space.
public struct PortAddress: RawRepresentable, Hashable, Sendable {
  /// The port.
  public var rawValue: UInt16
  /// Wraps `rawValue`.
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// Wraps `rawValue`.
  public init(_ rawValue: UInt16) { self.rawValue = rawValue }
}
