public import SystemPackage
public import VextProtocol

/// A driver's violation of the virtqueue rules. The queue stops, and the device requests a reset.
public enum VirtqueueError: Error, Equatable, Sendable {
  /// The size is not a power of two from 1 to the device's maximum.
  case invalidSize(UInt16)
  /// A ring is misaligned, or not wholly within RAM.
  case invalidRing(GuestAddress)
  /// The available index is further ahead than the queue is long.
  case availableIndexJump(from: UInt16, to: UInt16)
  /// An available entry is not the number of a descriptor.
  case headOutOfRange(UInt16)
  /// An available entry names a chain that the device still works on.
  case headInFlight(UInt16)
  /// A descriptor continues at one that does not exist.
  case nextOutOfRange(UInt16)
  /// A chain loops, or is longer than the device's queues.
  case chainTooLong
  /// An indirect descriptor without VIRTIO_F_INDIRECT_DESC.
  case indirectNotNegotiated
  /// An indirect descriptor continues at another one.
  case indirectWithNext
  /// An indirect table contains an indirect descriptor.
  case nestedIndirect
  /// The length of an indirect table is zero, or not a multiple of a descriptor's.
  case invalidIndirectLength(UInt32)
  /// A buffer or an indirect table is not wholly within RAM.
  case outsideMemory(GuestAddress, byteCount: UInt32)
  /// A buffer to read from follows a buffer to write to.
  case readableAfterWritable
  /// A chain of a block device has no byte for the status.
  case noRoomForStatus
  /// The host cannot watch another queue; the driver is not at fault.
  case hostExhausted
  /// The host refused a resource that serving the queue needs.
  case notServed(Errno)
  /// A legacy driver removed a queue while the device served it.
  case removedWhileServed
}
