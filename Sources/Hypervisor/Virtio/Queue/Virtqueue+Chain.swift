import CLinux
import VextProtocol

extension Virtqueue {
  /// Reads the chain at `head`, each descriptor once, and stores the host addresses of its buffers.
  ///
  /// - Parameters:
  ///   - head: a result of ``takeHead()``.
  ///   - vectors: room for `capacity` vectors.
  ///   - capacity: maximum number of descriptors of a chain.
  @inline(__always)
  func readChain(
    head: UInt16, into vectors: UnsafeMutablePointer<iovec>, capacity: Int
  ) throws(VirtqueueError) -> DescriptorChain {
    var chain = DescriptorChain()
    var table = unsafe descriptors
    var tableCount = Int(size)
    var isIndirect = false
    var index = Int(head)
    var visited = 0
    while true {
      // This check also ends loops.
      guard visited < capacity else { throw .chainTooLong }
      // SAFETY: index < tableCount, and all of the table is within RAM.
      let descriptor = unsafe table.descriptor(index)
      if descriptor.flags.contains(.indirect) {
        guard !isIndirect else { throw .nestedIndirect }
        unsafe table = try indirectTable(descriptor)
        tableCount = Int(descriptor.length) / VirtqueueDescriptor.byteCount
        isIndirect = true
        index = 0
        continue
      }
      visited &+= 1
      try unsafe append(descriptor, to: &chain, vectors)
      guard descriptor.flags.contains(.next) else { return chain }
      guard Int(descriptor.next) < tableCount else { throw .nextOutOfRange(descriptor.next) }
      index = Int(descriptor.next)
    }
  }

  /// The table of an indirect `descriptor` (virtio 1.2 §2.7.5.3). Its write flag has no meaning.
  @inline(__always)
  private func indirectTable(_ descriptor: VirtqueueDescriptor) throws(VirtqueueError) -> RingMemory {
    guard allowsIndirect else { throw .indirectNotNegotiated }
    guard !descriptor.flags.contains(.next) else { throw .indirectWithNext }
    let length = descriptor.length
    guard length > 0, Int(length) & (VirtqueueDescriptor.byteCount - 1) == 0 else {
      throw .invalidIndirectLength(length)
    }
    guard let base = unsafe map.hostPointer(descriptor.address, byteCount: UInt64(length)) else {
      throw .outsideMemory(descriptor.address, byteCount: length)
    }
    return unsafe RingMemory(base: base)
  }

  @inline(__always)
  private func append(
    _ descriptor: VirtqueueDescriptor, to chain: inout DescriptorChain, _ vectors: UnsafeMutablePointer<iovec>
  ) throws(VirtqueueError) {
    let isWritable = descriptor.flags.contains(.write)
    guard isWritable || chain.writableVectorCount == 0 else { throw .readableAfterWritable }
    guard descriptor.length > 0 else { return }
    let byteCount = UInt64(descriptor.length)
    guard let buffer = unsafe map.hostPointer(descriptor.address, byteCount: byteCount) else {
      throw .outsideMemory(descriptor.address, byteCount: descriptor.length)
    }
    // SAFETY: there are no more vectors than descriptors visited, which are less than the capacity.
    unsafe vectors[chain.vectorCount] = unsafe iovec(iov_base: buffer, iov_len: Int(descriptor.length))
    if isWritable {
      chain.writableVectorCount &+= 1
      chain.writableByteCount &+= byteCount
    } else {
      chain.readableVectorCount &+= 1
      chain.readableByteCount &+= byteCount
    }
  }
}

/// The parts of a descriptor chain: buffers that the device reads, then buffers that it writes.
///
/// The buffers themselves are in the vectors into which the chain was read, without empty ones.
struct DescriptorChain: BitwiseCopyable {
  /// Number of vectors that the device reads; they come first.
  var readableVectorCount = 0
  /// Number of vectors that the device writes.
  var writableVectorCount = 0
  /// Number of bytes that the device may read.
  var readableByteCount: UInt64 = 0
  /// Number of bytes that the device may write.
  var writableByteCount: UInt64 = 0

  /// Number of all vectors.
  @inline(__always)
  var vectorCount: Int { readableVectorCount &+ writableVectorCount }
}
