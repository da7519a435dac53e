/// What a descriptor chain consists of: buffers that the device reads, then buffers that it writes.
///
/// The buffers themselves are in the vectors that the chain was read into, empty ones left out.
struct DescriptorChain: BitwiseCopyable {
  /// Vectors that the device reads; they come first.
  var readableVectorCount = 0
  /// Vectors that the device writes.
  var writableVectorCount = 0
  /// Bytes that the device may read.
  var readableByteCount: UInt64 = 0
  /// Bytes that the device may write.
  var writableByteCount: UInt64 = 0

  /// All vectors.
  @inline(__always)
  var vectorCount: Int { readableVectorCount &+ writableVectorCount }
}
