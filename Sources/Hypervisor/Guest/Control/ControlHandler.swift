/// Does to a machine what commands ask for. The control thread calls it, one request at a time.
///
/// It may take its time, but must not wait for the control thread: ``ControlServer/stop()`` is for others.
public protocol ControlHandler: AnyObject, Sendable {
  /// Whether the machine is paused.
  var state: ControlState { get }
  /// Stops the guest for now; fails where it is paused already.
  func pause() -> ControlReply
  /// Lets the guest go on; fails where it is not paused.
  func resume() -> ControlReply
  /// Asks the guest to shut down in its own way; fails where it does not listen.
  func pressPowerButton() -> ControlReply
  /// Makes the machine end; does not wait for that.
  func stop() -> ControlReply
  /// Registers, code, page tables and stack of every vCPU, in words.
  func dump() -> ControlReply
  /// Sends a vCPU a non-maskable interrupt.
  func injectNMI(vcpu: Int) -> ControlReply
  /// Sends "system request" and `key` to the serial console.
  func sendSysrq(_ key: UInt8) -> ControlReply
  /// Makes the balloon bigger, or smaller where the number is negative.
  func changeBalloon(deltaMiB: Int) -> ControlReply
  /// The machine's figures, in words.
  func statistics() -> ControlReply
}
