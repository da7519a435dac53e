/// What a machine logs about its guest while it runs. All options are off by default.
public struct MachineDebugOptions: Equatable, Sendable {
  /// Logs each access to a port that no device claims.
  public var logsUnclaimedPorts = false
  /// Logs each access to a memory address that neither RAM nor a device claims.
  public var logsUnclaimedMemory = false
  /// Additional delay of each access to a device, in milliseconds.
  public var accessDelayMilliseconds: UInt64 = 0
  /// Logs the address of each instruction before it is executed.
  public var singleSteps = false

  /// Makes options that are all off.
  public init() {}
}
