import Hypervisor
import VextProtocol

/// What the machine beside the measured one does to the I/O thread that serves both (`bench neighbour`).
enum Competitor: String, CaseIterable, Sendable {
  /// There is none.
  case none
  /// Random reads of 4 KiB, one at a time: what the measured guest does.
  case fair
  /// Reads of 16 MiB through the page cache, 128 at once: 2 GiB.
  case largeReads = "large-reads"
  /// Zeroed ranges of up to 1 GiB, 16 at once.
  case zeroedRanges = "zeroed-ranges"
  /// Random reads of 4 KiB in 128 queues, each with 64 at once.
  case fullQueues = "full-queues"

  /// Queues of the machine.
  var queueCount: Int { self == .fullQueues ? 128 : 1 }

  /// Requests in flight in each queue.
  var iodepth: Int {
    switch self {
    case .none: 0
    case .fair: 1
    case .largeReads: 128
    case .zeroedRanges: 16
    case .fullQueues: 64
    }
  }

  /// Bytes of a request.
  func requestByteCount(diskByteCount: UInt64) -> UInt64 {
    switch self {
    case .none, .fair, .fullQueues: 4096
    case .largeReads: min(16 << 20, diskByteCount)
    case .zeroedRanges: min(1 << 30, diskByteCount)
    }
  }

  /// A request at a position on the disk.
  func entry(id: UInt16, offset: UInt64, byteCount: UInt64, buffer: GuestAddress) -> VextSubmissionEntry {
    if self == .zeroedRanges {
      return VextSubmissionEntry(
        operation: VextOperation.writeZeroes.rawValue, id: id, offset: offset, length: byteCount)
    }
    return VextSubmissionEntry(
      operation: VextOperation.read.rawValue, id: id, offset: offset,
      segment0: VextSegment(address: buffer, byteCount: UInt32(truncatingIfNeeded: byteCount)))
  }
}
