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
