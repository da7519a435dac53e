/// A device that a guest uses as its console, seen from the endpoint that it is attached to.
///
/// The endpoint's device thread calls, unless a function says otherwise.
public protocol ConsoleDevice: AnyObject, Sendable {
  /// Takes the first of `bytes`, as many as there is room for, and returns how many. After fewer than all, the
  /// device calls ``ConsoleEndpoint/deviceHasRoom()`` when there is room again.
  func receive(_ bytes: [UInt8]) -> Int

  /// The endpoint, which took fewer bytes than it was given, has room again.
  func endpointHasRoom()

  /// Sends the guest a break. False, and nothing is sent, where too many are waiting. Any thread.
  @discardableResult
  func injectBreak() -> Bool

  /// Sends the guest a magic SysRq `character` in its console's manner. False, and nothing is sent, where too many
  /// are waiting. Any thread.
  @discardableResult
  func sysRq(_ character: UInt8) -> Bool

  /// The window that the console is shown in has another size. Any thread.
  func windowSizeChanged(_ size: ConsoleSize)
}
