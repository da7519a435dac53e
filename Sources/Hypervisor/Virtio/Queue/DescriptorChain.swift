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
