public import SystemPackage

/// A guest's write that becomes an eventfd signal, without a return to user space.
public struct WatchedWrite: Hashable, Sendable {
  /// Of all writes to the address, the ones that count.
  public struct Condition: Hashable, Sendable {
    /// The write's width: 1, 2, 4 or 8 bytes.
    public var byteCount: Int
    /// The value written.
    public var value: UInt64

    /// Writes of `value`, `byteCount` bytes wide.
    public init(byteCount: Int, value: UInt64) {
      self.byteCount = byteCount
      self.value = value
    }
  }

  /// Memory or ports.
  public var space: AddressSpace
  /// The address that is written.
  public var address: UInt64
  /// Which writes count; nil: those of any width and value.
  public var condition: Condition?

  /// A write to `address`.
  public init(space: AddressSpace, address: UInt64, condition: Condition? = nil) {
    self.space = space
    self.address = address
    self.condition = condition
  }
}

/// Turns guests' writes into eventfd signals (KVM_IOEVENTFD; a recorder in tests).
public protocol NotificationRegistrar: AnyObject, Sendable {
  /// From now on `write` signals `eventDescriptor`, and reaches no device.
  func addNotification(_ write: WatchedWrite, eventDescriptor: Int32) throws(Errno)
  /// Ends that.
  func removeNotification(_ write: WatchedWrite, eventDescriptor: Int32)
}

extension NotificationRegistrar {
  /// From now on a write of any width to memory at `address` signals `eventDescriptor`.
  public func addNotification(address: UInt64, eventDescriptor: Int32) throws(Errno) {
    try addNotification(WatchedWrite(space: .memory, address: address), eventDescriptor: eventDescriptor)
  }

  /// Ends that.
  public func removeNotification(address: UInt64, eventDescriptor: Int32) {
    removeNotification(WatchedWrite(space: .memory, address: address), eventDescriptor: eventDescriptor)
  }
}
