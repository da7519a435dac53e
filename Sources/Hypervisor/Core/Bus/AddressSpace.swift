/// Which of the processor's two address spaces an access goes to.
public enum AddressSpace: Hashable, Sendable {
  /// Guest-physical addresses.
  case memory
  /// x86 ports.
  case port
}
