/// Where a worker's virtqueue lies in its arena (virtio 1.2 §2.7): the first thing in it, so that worker 0 can
/// register every worker's queue.
struct VirtqueueRings {
  /// Descriptors, a power of two.
  let size: UInt16
  /// Request `id`'s chain starts at descriptor `id << chainShift`.
  let chainShift: UInt16

  let descriptors: UInt64
  let available: UInt64
  let used: UInt64

  /// Rings for iodepth requests on a device whose queues have `largestSize` descriptors at most.
  init(parameters: Parameters, largestSize: UInt16, arena: inout Arena) throws(GuestFailure) {
    var size = 8
    while size < parameters.iodepth { size *= 2 }
    // An indirect chain takes one descriptor of the ring. For variety there are chains in the ring itself.
    let hasRoomForChains = parameters.verify && size * 4 <= Int(largestSize)
    chainShift = hasRoomForChains ? 2 : 0
    size <<= Int(chainShift)
    guard size <= Int(largestSize) else {
      throw GuestFailure(reason: .badParameter, detail: UInt64(ParameterWord.iodepth))
    }
    self.size = UInt16(truncatingIfNeeded: size)

    let descriptorBytes = UInt64(size) * 16
    // Flags, index, entries, event index (§2.7.6, §2.7.8).
    let availableBytes = UInt64(size) * 2 + 6
    let usedBytes = UInt64(size) * 8 + 6
    descriptors = try arena.take(descriptorBytes, alignment: 4096)
    available = try arena.take(availableBytes, alignment: 4096)
    used = try arena.take(usedBytes, alignment: 4096)
  }

  /// Makes the rings empty, before the device gets to know them.
  func clear() throws(GuestFailure) {
    try zero(descriptors, used + UInt64(size) * 8 + 6 - descriptors)
  }
}
