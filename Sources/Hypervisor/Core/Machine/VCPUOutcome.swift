/// How a vCPU came to its end; ``Machine/end`` says what that means for the machine.
public enum VCPUOutcome: Equatable, Sendable {
  /// Somebody asked the machine to stop.
  case stopped
  /// The guest reset itself or switched itself off: triple fault, or a system event that it asked for.
  case reset
  /// KVM or the processor could not run the guest any further; the text holds the registers.
  case crashed(String)
}
