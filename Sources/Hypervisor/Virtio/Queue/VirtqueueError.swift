public import SystemPackage
public import VextProtocol

/// What a driver got wrong with a virtqueue. The queue stops, and the device asks for a reset.
public enum VirtqueueError: Error, Equatable, Sendable {
  /// Not a power of two from 1 to the most that the device offers.
  case invalidSize(UInt16)
  /// A ring that is misaligned, or not wholly within RAM.
  case invalidRing(GuestAddress)
  /// The available index is further ahead than the queue is long.
  case availableIndexJump(from: UInt16, to: UInt16)
  /// An available entry that names no descriptor.
  case headOutOfRange(UInt16)
  /// An available entry that names a chain which the device still works on.
  case headInFlight(UInt16)
  /// A descriptor that goes on at one that does not exist.
  case nextOutOfRange(UInt16)
  /// A chain that loops, or is longer than the device's queues.
  case chainTooLong
  /// An indirect descriptor without VIRTIO_F_INDIRECT_DESC.
  case indirectNotNegotiated
  /// An indirect descriptor that goes on at another.
  case indirectWithNext
  /// An indirect descriptor within an indirect table.
  case nestedIndirect
  /// An indirect table whose length is zero, or no multiple of a descriptor.
  case invalidIndirectLength(UInt32)
  /// A buffer or an indirect table that is not wholly within RAM.
  case outsideMemory(GuestAddress, byteCount: UInt32)
  /// A buffer to read from behind a buffer to write to.
  case readableAfterWritable
  /// A chain of a block device without a byte to write the status to.
  case noRoomForStatus
  /// Nothing of the driver's: the host cannot watch another queue.
  case hostExhausted
  /// The host refused what serving the queue needs.
  case notServed(Errno)
  /// A legacy driver took a queue away while the device served it.
  case removedWhileServed
}
