import Synchronization

/// Contents of consecutive blocks of one file that the device does not have yet: small writes at one position, which become one
/// request of the device.
///
/// The file has all of these blocks allocated. A thread that reads them from the device copies these contents over what it has read; a
/// thread that writes or frees them first sends these contents to the device (``FileSystem/writeDelayed(_:_:)``). The
/// lock of the inode guards them.
struct DelayedBlocks: Sendable {
  /// Maximum number of bytes of one file: a larger request is hardly faster.
  static let largestByteCount = 128 << 10
  /// Maximum number of bytes of a write that is delayed: for a larger one the copy costs more than a request saves.
  static let largestWriteByteCount = 64 << 10

  /// The first block, counted in the file.
  let first: UInt64
  /// Contents of whole blocks.
  private(set) var content: [UInt8]
  private let blockByteCount: Int
  private let share: DelayedRoom.Share

  /// No blocks yet.
  init(first: UInt64, blockByteCount: Int, room: DelayedRoom) {
    self.first = first
    self.blockByteCount = blockByteCount
    content = []
    share = DelayedRoom.Share(of: room)
  }

  /// The blocks, counted in the file.
  var blocks: Range<UInt64> { first..<first + UInt64(content.count / blockByteCount) }

  /// Whether a write to `range` leaves the blocks consecutive and within the limit.
  func canTake(_ range: Range<UInt64>) -> Bool {
    guard range.lowerBound >= first, range.lowerBound <= blocks.upperBound else { return false }
    return range.upperBound - first <= UInt64(Self.largestByteCount / blockByteCount)
  }

  /// Adds blocks behind the last one. False, with nothing added, if the file system delays too much already.
  mutating func append(_ memory: BlockMemory) -> Bool {
    guard share.take(memory.count) else { return false }
    content += memory.bytes
    return true
  }

  /// Replaces bytes; `position` counts from the first block, and all of them lie inside.
  mutating func replace(at position: Int, with source: BlockMemory) {
    content.replaceSubrange(position..<position + source.count, with: source.bytes)
  }

  /// Copies what lies in `range` over `memory`, which has the blocks of `range` as the device has them.
  func overlay(_ range: Range<UInt64>, in memory: BlockMemory) {
    let common = blocks.clamped(to: range)
    guard !common.isEmpty else { return }
    let size = UInt64(blockByteCount)
    let start = Int((common.lowerBound - first) * size)
    let count = Int((common.upperBound - common.lowerBound) * size)
    memory.slice(Int((common.lowerBound - range.lowerBound) * size), count)
      .copy(from: content.span.extracting(start..<start + count))
  }
}

/// Bounds how many bytes of a file system exist only in memory.
final class DelayedRoom: Sendable {
  private let limit: Int
  private let used = Atomic<Int>(0)

  init(byteCount: Int) { limit = byteCount }

  /// What one file takes; it gives everything back in the end.
  final class Share: Sendable {
    private let room: DelayedRoom
    private let taken = Atomic<Int>(0)

    init(of room: DelayedRoom) { self.room = room }

    deinit { room.used.subtract(taken.load(ordering: .relaxed), ordering: .relaxed) }

    /// Takes bytes; false if there is no room for them.
    func take(_ byteCount: Int) -> Bool {
      if room.used.add(byteCount, ordering: .relaxed).newValue > room.limit {
        room.used.subtract(byteCount, ordering: .relaxed)
        return false
      }
      taken.add(byteCount, ordering: .relaxed)
      return true
    }
  }
}
