import SystemPackage

/// What one thread needs to do file system operations: a queue of its own, memory that the queue uses without a copy, and the
/// caller that it works for.
public final class ServingResources {
  /// Maximum number of bytes of a read or write.
  public static let transferByteCount = 1 << 20
  /// Maximum number of bytes of a block of a file system.
  static let largestBlockByteCount = 65536

  let queue: any BlockQueue
  /// The buffer of a write's blocks, with room for the blocks at both ends.
  let staging: BlockBuffer
  /// The buffer of answers: of a read's bytes and of names.
  private(set) var answerBuffer: BlockBuffer
  /// Where answers begin in their buffer: there is room for a block in front, and for a block behind the longest answer.
  private(set) var answerOffset: Int
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
    (answerBuffer, answerOffset) = (staging, Self.largestBlockByteCount)
    requests.reserveCapacity(64)
  }

  /// The memory of an answer.
  var answer: BlockMemory { answerBuffer.slice(answerOffset, Self.transferByteCount) }

  /// Puts the answers of operations from now on into a buffer, such as one from which they are sent.
  func answer(into buffer: BlockBuffer, at offset: Int) {
    precondition(
      offset >= Self.largestBlockByteCount
        && offset + Self.transferByteCount + Self.largestBlockByteCount <= buffer.byteCount,
      "an answer has room for the blocks at both ends")
    (answerBuffer, answerOffset) = (buffer, offset)
  }
}
