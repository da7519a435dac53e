import SystemPackage

/// What one thread needs to do file system operations: a queue of its own, memory that the queue uses without a copy, and the
/// caller that it works for.
public final class Worker {
  /// The longest read or write of one request.
  public static let transferByteCount = 1 << 20
  private static let largestBlockByteCount = 65536

  let queue: any BlockQueue
  /// What a read answers with, or a write gathers; room for the blocks at both ends.
  let staging: BlockBuffer
  /// The part of a block that is overwritten with zeros.
  let zeros: BlockBuffer
  /// Who asked for the operation that the thread is at.
  var caller = Caller.root
  /// Reused from request to request.
  var requests: [BlockRequest] = []

  /// Resources for the thread that calls, or for the one that it gives them to.
  public init(device: any BlockDevice) throws(Errno) {
    queue = try device.makeQueue()
    staging = try device.allocateBuffer(byteCount: Self.transferByteCount + 2 * Self.largestBlockByteCount)
    zeros = try device.allocateBuffer(byteCount: Self.largestBlockByteCount)
    requests.reserveCapacity(64)
  }
}
