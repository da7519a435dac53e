/// How a vCPU ended; ``Machine/end`` says what that means for the machine.
public enum VCPUOutcome: Equatable, Sendable {
  /// The machine was asked to stop.
  case stopped
  /// The guest reset itself or powered itself off: triple fault, or a system event that it requested.
  case reset
  /// KVM or the processor could not run the guest any further; the text holds the registers.
  case crashed(String)
}
