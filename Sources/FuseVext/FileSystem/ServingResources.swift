import SystemPackage

/// What one thread needs to do file system operations: a queue of its own, memory that the queue uses without a copy, and the
/// caller that it works for.
public final class ServingResources {
  /// Maximum number of bytes of a read or write.
  public static let transferByteCount = 1 << 20
  private static let largestBlockByteCount = 65536

  let queue: any BlockQueue
  /// The buffer of a read's answer or of a write's blocks, with room for the blocks at both ends.
  let staging: BlockBuffer
  /// The part of a block that is overwritten with zeros.
  let zeros: BlockBuffer
  /// The caller of the current operation.
  var caller = Caller.root
  /// The requests of the current operation; reused.
  var requests: [BlockRequest] = []

  /// Makes the resources for one thread.
  public init(device: any BlockDevice) throws(Errno) {
    queue = try device.makeQueue()
    staging = try device.allocateBuffer(byteCount: Self.transferByteCount + 2 * Self.largestBlockByteCount)
    zeros = try device.allocateBuffer(byteCount: Self.largestBlockByteCount)
    requests.reserveCapacity(64)
  }
}
