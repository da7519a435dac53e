public import SystemPackage

/// A guest's write that signals an eventfd without a return to user space.
public struct WatchedWrite: Hashable, Sendable {
  /// The condition that a write to the address must meet.
  public struct Condition: Hashable, Sendable {
    /// The write's width: 1, 2, 4 or 8 bytes.
    public var byteCount: Int
    /// The value written.
    public var value: UInt64

    /// Makes a condition for writes of `value`, `byteCount` bytes wide.
    public init(byteCount: Int, value: UInt64) {
      self.byteCount = byteCount
      self.value = value
    }
  }

  /// The address space: memory or ports.
  public var space: AddressSpace
  /// The written address.
  public var address: UInt64
  /// The condition for writes; nil for writes of any width and value.
  public var condition: Condition?

  /// Describes a write to `address`.
  public init(space: AddressSpace, address: UInt64, condition: Condition? = nil) {
    self.space = space
    self.address = address
    self.condition = condition
  }
}

/// Turns guests' writes into eventfd signals (KVM_IOEVENTFD; a recorder in tests).
public protocol NotificationRegistrar: AnyObject, Sendable {
  /// Lets `write` signal `eventDescriptor` from now on; the write no longer reaches a device.
  func addNotification(_ write: WatchedWrite, eventDescriptor: Int32) throws(Errno)
  /// Undoes ``addNotification(_:eventDescriptor:)``.
  func removeNotification(_ write: WatchedWrite, eventDescriptor: Int32)
}

extension NotificationRegistrar {
  /// Lets a write of any width to memory at `address` signal `eventDescriptor` from now on.
  public func addNotification(address: UInt64, eventDescriptor: Int32) throws(Errno) {
    try addNotification(WatchedWrite(space: .memory, address: address), eventDescriptor: eventDescriptor)
  }

  /// Undoes ``addNotification(address:eventDescriptor:)``.
  public func removeNotification(address: UInt64, eventDescriptor: Int32) {
    removeNotification(WatchedWrite(space: .memory, address: address), eventDescriptor: eventDescriptor)
  }
}
