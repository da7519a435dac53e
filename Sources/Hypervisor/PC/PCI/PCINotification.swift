/// A place in a BAR at which writes become eventfd signals.
public struct PCINotification: Sendable {
  /// The number of the BAR.
  public var bar: Int
  /// The offset in the BAR, in bytes.
  public var offset: UInt64
  /// The condition for writes; nil for writes of any width and value.
  public var condition: WatchedWrite.Condition?
  /// The eventfd; its owner keeps it open as long as the function is plugged in.
  public var eventDescriptor: Int32

  /// Describes a notification at `offset` of BAR `bar`.
  public init(
    bar: Int, offset: UInt64, condition: WatchedWrite.Condition? = nil, eventDescriptor: Int32
  ) {
    self.bar = bar
    self.offset = offset
    self.condition = condition
    self.eventDescriptor = eventDescriptor
  }
}
