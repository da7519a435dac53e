/// The ways in which a machine can end.
public enum MachineEnd: Equatable, Sendable {
  /// The guest powered itself off.
  case poweredOff
  /// The guest reset itself.
  case reset
  /// The guest's kernel reported a panic.
  case panicked
  /// A triple fault: the processor could not deliver an exception.
  case tripleFault
  /// KVM or the processor could not run the guest any further; the text says why, with the vCPU's state, in several
  /// lines.
  case crashed(String)
  /// A user or the machine's owner asked for the end.
  case stopped
}
