public import SystemPackage

/// The message of an MSI-X table entry: a write of `data` to `address` is the interrupt.
public struct InterruptMessage: Equatable, Sendable {
  /// Message address; FEEx_xxxxh on x86 (Intel SDM vol. 3A §11.11.1).
  public var address: UInt64
  /// Message data; bits 7...0 are the vector.
  public var data: UInt32

  /// Makes a message.
  public init(address: UInt64, data: UInt32) {
    self.address = address
    self.data = data
  }
}

/// Turns an eventfd signal into an interrupt message (irqfd and GSI routing on KVM; a recorder in tests).
public protocol MessageInterruptRouter: AnyObject, Sendable {
  /// Connects `eventDescriptor` with a route that delivers nothing yet, and returns the route's number.
  func addRoute(eventDescriptor: Int32) throws(Errno) -> UInt32

  /// Makes route `route` deliver `message` from now on.
  func setMessage(_ message: InterruptMessage, ofRoute route: UInt32) throws(Errno)

  /// Disconnects the route and its eventfd.
  func removeRoute(_ route: UInt32, eventDescriptor: Int32)
}
