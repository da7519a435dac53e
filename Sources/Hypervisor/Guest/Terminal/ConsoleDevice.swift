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

/// What somebody at a console sends to the guest.
enum ConsoleInput: Hashable, Sendable {
  /// A key, or a byte of one.
  case byte(UInt8)
  /// A break: the line is held at zero for longer than a character.
  case `break`
}

/// The size of a terminal's window, in characters.
public struct ConsoleSize: Hashable, Sendable {
  /// Number of characters in a line.
  public var columns: UInt16
  /// Number of lines.
  public var rows: UInt16

  /// Makes the size of a window.
  public init(columns: UInt16, rows: UInt16) {
    self.columns = columns
    self.rows = rows
  }
}

/// Where the characters of a console device go to and come from: a terminal, a pseudo-terminal, or a test.
///
/// One device attaches to an endpoint. An endpoint never calls its device while it holds a lock, and the device may
/// call its endpoint while it holds its own: locks are always taken in the order device, endpoint.
public protocol ConsoleEndpoint: AnyObject, Sendable {
  /// The size of the window that the characters are shown in, if there is one.
  var windowSize: ConsoleSize? { get }

  /// Makes `device` the one that gets the input. It is not kept alive. Once, before the endpoint starts.
  func attach(_ device: any ConsoleDevice)

  /// Takes the first of `bytes`, as many as there is room for, and returns how many; never blocks. After fewer than
  /// all, the device hears ``ConsoleDevice/endpointHasRoom()``. Any thread.
  func write(_ bytes: [UInt8]) -> Int

  /// Says that the device, which took less than all of some input, has room again. Never blocks. Any thread.
  func deviceHasRoom()
}
