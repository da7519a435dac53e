/// What a machine tells about its guest while it runs. All off unless asked for.
public struct MachineDebugOptions: Equatable, Sendable {
  /// Logs each access to a port that no device claims.
  public var logsUnclaimedPorts = false
  /// Logs each access to a memory address that neither RAM nor a device claims.
  public var logsUnclaimedMemory = false
  /// How long each access to a device takes longer than it would.
  public var accessDelayMilliseconds: UInt64 = 0
  /// Logs the address of each instruction before it is executed.
  public var singleSteps = false

  /// All off.
  public init() {}
}
