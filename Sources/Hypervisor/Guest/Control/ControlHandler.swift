/// Carries out commands for a machine. The control thread calls it, one request at a time.
///
/// A method may block, but must not wait for the control thread; only other threads call ``ControlServer/stop()``.
public protocol ControlHandler: AnyObject, Sendable {
  /// Whether the machine is paused.
  var state: ControlState { get }
  /// Pauses the guest; fails if it is paused already.
  func pause() -> ControlReply
  /// Continues the guest; fails if it is not paused.
  func resume() -> ControlReply
  /// Asks the guest to shut itself down; fails if the guest does not react to the button.
  func pressPowerButton() -> ControlReply
  /// Ends the machine; returns at once.
  func stop() -> ControlReply
  /// Returns registers, code, page tables and stack of every vCPU as text.
  func dump() -> ControlReply
  /// Sends a vCPU a non-maskable interrupt.
  func injectNMI(vcpu: Int) -> ControlReply
  /// Sends "system request" and `key` to the serial console.
  func sendSysrq(_ key: UInt8) -> ControlReply
  /// Changes the size of the balloon by a number of MiB, which may be negative.
  func changeBalloon(deltaMiB: Int) -> ControlReply
  /// Returns the machine's counters as text.
  func statistics() -> ControlReply
}

/// Whether a machine runs or is paused.
public enum ControlState: UInt32, CustomStringConvertible, Sendable {
  /// The guest runs.
  case running = 0
  /// The guest is paused.
  case paused = 1

  /// The state as one word.
  public var description: String {
    switch self {
    case .running: "running"
    case .paused: "paused"
    }
  }
}
