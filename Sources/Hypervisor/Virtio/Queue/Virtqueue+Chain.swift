import VextProtocol

extension Virtqueue {
  /// Reads the chain at `head`, each descriptor once, and stores the host addresses of its buffers.
  ///
  /// - Parameters:
  ///   - head: a result of ``takeHead()``.
  ///   - vectors: as many as a chain may have descriptors.
  @inline(__always)
  func readChain(head: UInt16, into vectors: IOVectors) throws(VirtqueueError) -> DescriptorChain {
    var chain = DescriptorChain()
    var table = areas.descriptors
    var isIndirect = false
    var index = head
    var visited = 0
    while true {
      guard let descriptor = table.descriptor(Int(index)) else { throw .nextOutOfRange(index) }
      // This check also ends loops.
      guard visited < vectors.count else { throw .chainTooLong }
      if descriptor.flags.contains(.indirect) {
        guard !isIndirect else { throw .nestedIndirect }
        table = try indirectTable(descriptor)
        isIndirect = true
        index = 0
        continue
      }
      visited &+= 1
      try append(descriptor, to: &chain, vectors)
      guard descriptor.flags.contains(.next) else { return chain }
      index = descriptor.next
    }
  }

  /// The table of an indirect `descriptor` (virtio 1.2 §2.7.5.3). Its write flag has no meaning.
  @inline(__always)
  private func indirectTable(_ descriptor: VirtqueueDescriptor) throws(VirtqueueError)
    -> VirtqueueDescriptorTable
  {
    guard allowsIndirect else { throw .indirectNotNegotiated }
    guard !descriptor.flags.contains(.next) else { throw .indirectWithNext }
    let length = descriptor.length
    guard length > 0, Int(length) & (VirtqueueDescriptor.byteCount - 1) == 0 else {
      throw .invalidIndirectLength(length)
    }
    guard let table = VirtqueueDescriptorTable(at: descriptor.address, byteCount: length, in: map) else {
      throw .outsideMemory(descriptor.address, byteCount: length)
    }
    return table
  }

  @inline(__always)
  private func append(
    _ descriptor: VirtqueueDescriptor, to chain: inout DescriptorChain, _ vectors: IOVectors
  ) throws(VirtqueueError) {
    let isWritable = descriptor.flags.contains(.write)
    guard isWritable || chain.writableVectorCount == 0 else { throw .readableAfterWritable }
    guard descriptor.length > 0 else { return }
    let byteCount = UInt64(descriptor.length)
    guard let buffer = map.vector(descriptor.address, byteCount: byteCount) else {
      throw .outsideMemory(descriptor.address, byteCount: descriptor.length)
    }
    // There are no more vectors than descriptors visited, which are less than the capacity.
    vectors[chain.vectorCount] = buffer
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
