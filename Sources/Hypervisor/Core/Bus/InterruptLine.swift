/// A level-triggered interrupt line: active or not. Any thread.
public protocol InterruptLine: AnyObject, Sendable {
  /// Drives the line; repeating a level changes nothing.
  func set(active: Bool)
}
