/// A level-triggered wire to the interrupt chips: asserted or not. Any thread.
public protocol InterruptLine: AnyObject, Sendable {
  /// Drives the wire; the same level twice changes nothing.
  func set(active: Bool)
}
