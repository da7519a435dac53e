/// The two address spaces of the processor.
public enum AddressSpace: Hashable, Sendable {
  /// Guest-physical addresses.
  case memory
  /// x86 ports.
  case port
}
