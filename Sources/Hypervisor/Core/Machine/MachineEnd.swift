/// How a machine came to its end.
public enum MachineEnd: Equatable, Sendable {
  /// The guest switched itself off.
  case poweredOff
  /// The guest reset itself.
  case reset
  /// The guest's kernel said that it panicked.
  case panicked
  /// A fault met a fault in its handler's handler: the processor gave up.
  case tripleFault
  /// KVM or the processor could not run the guest any further; the text says where and why, in several lines.
  case crashed(String)
  /// Somebody outside asked for the end.
  case stopped
}
