import SystemPackage

/// Reads the blocks of a journal, several at a time where they follow each other.
final class JournalReader {
  private let map: ExtentMap
  private let queue: any BlockQueue
  private let blockByteCount: Int
  private let window: BlockBuffer
  private let windowBlockCount: UInt64
  /// The blocks of the journal that the window holds.
  private var held: Range<UInt64> = 0..<0

  /// - Parameter map: Where the journal is; checked against the file system.
  init(device: any BlockDevice, queue: any BlockQueue, map: ExtentMap, blockByteCount: Int) throws(Errno) {
    self.map = map
    self.queue = queue
    self.blockByteCount = blockByteCount
    windowBlockCount = UInt64(max((256 << 10) / blockByteCount, 1))
    window = try device.allocateBuffer(byteCount: Int(windowBlockCount) * blockByteCount)
  }

  /// A block of the journal.
  func block(_ number: UInt32) throws(Errno) -> [UInt8] {
    try bytes(of: number).bytes
  }

  /// A block of the journal, as bytes that stay until the next call.
  func bytes(of number: UInt32) throws(Errno) -> BlockMemory {
    let number = UInt64(number)
    if !held.contains(number) {
      guard let run = map.run(atOrAfter: number), run.logical <= number else { throw .corrupted }
      // Ahead only where the last ones were read in order.
      let wanted = number == held.upperBound ? windowBlockCount : 1
      let end = min(run.logicalEnd, number + wanted)
      held = 0..<0
      try queue.perform(
        BlockRequest(
          .read, byteOffset: (run.physical + (number - run.logical)) * UInt64(blockByteCount),
          memory: window.slice(0, Int(end - number) * blockByteCount)))
      held = number..<end
    }
    return window.slice(Int(number - held.lowerBound) * blockByteCount, blockByteCount)
  }
}
