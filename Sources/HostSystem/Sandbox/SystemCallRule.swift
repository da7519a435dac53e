/// A system call that a ``SystemCallFilter`` lets through, by its kernel name on this architecture.
public struct SystemCallRule: Sendable, Equatable, ExpressibleByStringLiteral {
  /// A condition on an argument: `argument & mask == value`.
  public struct Condition: Sendable, Equatable {
    /// The argument's number, from 0.
    public let argument: UInt32
    /// The bits that are compared.
    public let mask: UInt64
    /// Their value, which has no other bits.
    public let value: UInt64

    /// Makes a condition.
    public init(argument: UInt32, mask: UInt64, value: UInt64) {
      self.argument = argument
      self.mask = mask
      self.value = value
    }
  }

  /// The call's name, such as "read".
  public let name: String
  /// What must hold of its arguments.
  public let conditions: [Condition]
  /// The error with which the call fails; nil: it is made.
  public let error: Int32?

  /// Allows a call where all `conditions` hold; or lets it fail with `error`.
  public init(_ name: String, where conditions: [Condition] = [], error: Int32? = nil) {
    self.name = name
    self.conditions = conditions
    self.error = error
  }

  /// Allows a call whatever its arguments.
  public init(stringLiteral name: String) { self.init(name) }

  /// Allows ioctl(2) with this request, whatever the descriptor.
  public static func ioctl(_ request: UInt) -> SystemCallRule {
    SystemCallRule(
      "ioctl", where: [Condition(argument: 1, mask: 0xFFFF_FFFF, value: UInt64(request) & 0xFFFF_FFFF)])
  }
}
