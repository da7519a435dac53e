/// A place in a BAR whose writes become eventfd signals.
public struct PCINotification: Sendable {
  /// The BAR that it lies in.
  public var bar: Int
  /// Where in the BAR, in bytes.
  public var offset: UInt64
  /// Which writes count; nil: those of any width and value.
  public var condition: WatchedWrite.Condition?
  /// The eventfd; its owner keeps it open as long as the function is plugged in.
  public var eventDescriptor: Int32

  /// A notification at `offset` of BAR `bar`.
  public init(
    bar: Int, offset: UInt64, condition: WatchedWrite.Condition? = nil, eventDescriptor: Int32
  ) {
    self.bar = bar
    self.offset = offset
    self.condition = condition
    self.eventDescriptor = eventDescriptor
  }
}
