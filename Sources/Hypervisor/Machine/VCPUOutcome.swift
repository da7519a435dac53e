/// How a vCPU came to its end.
public enum VCPUOutcome: Equatable, Sendable {
  /// Somebody asked the machine to stop.
  case stopped
  /// The guest reset itself: triple fault, or a reset that it asked for.
  case reset
  /// KVM or the processor could not run the guest any further; the text holds the registers.
  case crashed(String)
}
