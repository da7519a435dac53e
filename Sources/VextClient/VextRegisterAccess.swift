import VextProtocol

/// The control registers of a vext device (docs/vext-protocol.md §3): BAR0, or a test's device model. Any thread.
///
/// Each access may cost a vmexit.
protocol VextRegisterAccess: Sendable {
  /// Reads a 32-bit register.
  func load32(_ offset: UInt64) -> UInt32
  /// Reads a 64-bit register.
  func load64(_ offset: UInt64) -> UInt64
  /// Writes a 32-bit register; returns when the device has carried out the write.
  func store32(_ offset: UInt64, _ value: UInt32)
  /// Writes a 64-bit register.
  func store64(_ offset: UInt64, _ value: UInt64)
}
