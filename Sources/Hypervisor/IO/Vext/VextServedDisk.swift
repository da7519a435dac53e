import Glibc
import VextProtocol

/// The disk that the queues of one vext device or client share, with their guest memory, limits and log. Checks each request against
/// them, and makes the queues. Immutable; any thread.
///
/// A class, because a queue that calls a method of a large structure copies it first.
final class VextServedDisk: Sendable {
  /// Maximum number of bytes that a request may move.
  static let maxTransferByteCount: UInt32 = 16 << 20

  /// Maximum number of bytes of a discard or write-zeroes, because the I/O thread may do these itself while others wait.
  static let maxRangeByteCount: UInt32 = 1 << 30

  let memory: GuestMemory
  let map: GuestMemoryMap
  let image: DiskImage
  let disk: DiskHandle
  let log: VextLog
  let share: DiskShare

  init(memory: GuestMemory, image: DiskImage, log: VextLog, share: DiskShare = DiskShare()) {
    self.share = share
    self.log = log
    self.memory = memory
    self.map = memory.map
    self.image = image
    self.disk = image.handle
  }

  /// Checks the copy of an entry, whose every field may be hostile, and fills in its vectors (docs/vext-protocol.md §6).
  ///
  /// Never inlined: the loop that calls it then keeps its state in registers, and a request takes 8 % less time.
  @inline(never)
  func check(_ entry: VextSubmissionEntry, depth: UInt32, table: VextDeviceRequestTable) -> VextAdmission {
    guard let operation = VextOperation(rawValue: entry.operation) else { return .refused(.badOperation) }
    guard entry.flags.rawValue & ~VextSubmissionFlags.segmentList.rawValue == 0, entry.reserved == 0,
      entry.segment0.reserved | entry.segment1.reserved == 0
    else { return .refused(.reservedNotZero) }
    guard UInt32(entry.id) < depth else { return .refused(.idOutOfRange) }
    guard !table.isInFlight(entry.id) else { return .refused(.idInFlight) }
    switch operation {
    case .read: return transfer(.read, entry, table)
    case .write: return transfer(.write, entry, table)
    case .flush, .discard, .writeZeroes, .identify: return checkWithoutTransfer(operation, entry)
    }
  }

  @inline(__always)
  private func transfer(
    _ operation: BlockOperation, _ entry: VextSubmissionEntry, _ table: VextDeviceRequestTable
  ) -> VextAdmission {
    guard entry.length == 0 else { return .refused(.reservedNotZero) }
    guard disk.isAligned(entry.offset) else { return .refused(.misaligned) }
    var count = 1
    var total: UInt64
    if entry.flags.contains(.segmentList) {
      switch gather(entry, table) {
      case .failure(let error): return .refused(error)
      case .success(let gathered): (count, total) = gathered
      }
    } else {
      let vectors = table.vectors(of: entry.id, count: VextDeviceRequestTable.inlineSegments)
      total = UInt64(entry.segment0.byteCount)
      guard let error = place(entry.segment0, in: vectors, at: 0) else { return .refused(.badTransferLength) }
      if error != .none { return .refused(error) }
      if entry.segment1.byteCount > 0 {
        guard let error = place(entry.segment1, in: vectors, at: 1) else {
          return .refused(.badTransferLength)
        }
        if error != .none { return .refused(error) }
        total &+= UInt64(entry.segment1.byteCount)
        count = 2
      } else if entry.segment1.address.rawValue != 0 {
        return .refused(.reservedNotZero)
      }
    }
    guard total <= UInt64(Self.maxTransferByteCount) else { return .refused(.badTransferLength) }
    guard disk.contains(offset: entry.offset, byteCount: total) else { return .refused(.rangeOutsideDisk) }
    if operation == .write && disk.isReadOnly {
      return .answered(VextCompletionEntry(id: entry.id, status: UInt16(EROFS), byteCount: 0))
    }
    return .admitted(VextDeviceRequest(operation: operation, vectorCount: count, byteCount: total))
  }

  /// Translates a segment into a vector.
  ///
  /// - Returns: `.none` on success, nil for an empty segment.
  @inline(__always)
  private func place(_ segment: VextSegment, in vectors: IOVectors, at index: Int) -> VextQueueError? {
    guard segment.byteCount > 0 else { return nil }
    guard disk.isAligned(segment.address.rawValue | UInt64(segment.byteCount)) else { return .misaligned }
    guard let run = map.vector(segment.address, byteCount: UInt64(segment.byteCount)) else {
      return .segmentOutsideMemory
    }
    vectors[index] = run
    return VextQueueError.none
  }

  /// Copies a segment list once and translates the copy, because the guest may change the list at the same time.
  private func gather(
    _ entry: VextSubmissionEntry, _ table: VextDeviceRequestTable
  ) -> Result<(count: Int, total: UInt64), VextQueueError> {
    let byteCount = UInt64(entry.segment0.byteCount)
    let count = Int(byteCount / UInt64(VextSegment.encodedByteCount))
    guard byteCount % UInt64(VextSegment.encodedByteCount) == 0,
      (1...VextDeviceRequestTable.maxSegments).contains(count),
      entry.segment1.byteCount == 0, entry.segment1.address.rawValue == 0
    else { return .failure(.badSegmentList) }
    guard entry.segment0.address.isAligned(to: 8) else { return .failure(.misaligned) }
    guard map.copyWords(at: entry.segment0.address, count: count &* 2, to: table.listCopy) else {
      return .failure(.segmentOutsideMemory)
    }
    let vectors = table.vectors(of: entry.id, count: count)
    var total: UInt64 = 0
    for index in 0..<count {
      let tail = table.listCopy[index &* 2 &+ 1]
      guard tail &>> 32 == 0 else { return .failure(.reservedNotZero) }
      let segment = VextSegment(
        address: GuestAddress(table.listCopy[index &* 2]), byteCount: UInt32(truncatingIfNeeded: tail))
      guard let error = place(segment, in: vectors, at: index) else { return .failure(.badTransferLength) }
      if error != .none { return .failure(error) }
      total &+= UInt64(segment.byteCount)
    }
    return .success((count, total))
  }

  private func checkWithoutTransfer(_ operation: VextOperation, _ entry: VextSubmissionEntry) -> VextAdmission
  {
    guard entry.flags.isEmpty, entry.segment1.byteCount == 0, entry.segment1.address.rawValue == 0 else {
      return .refused(.reservedNotZero)
    }
    let hasSegment = entry.segment0.byteCount != 0 || entry.segment0.address.rawValue != 0
    switch operation {
    case .read, .write: return .refused(.badOperation)
    case .flush:
      guard entry.offset == 0, entry.length == 0, !hasSegment else { return .refused(.reservedNotZero) }
      return .admitted(VextDeviceRequest(operation: .flush, vectorCount: 0, byteCount: 0))
    case .discard, .writeZeroes:
      guard !hasSegment else { return .refused(.reservedNotZero) }
      guard entry.length > 0 else { return .refused(.badTransferLength) }
      guard disk.isAligned(entry.offset | entry.length) else { return .refused(.misaligned) }
      guard disk.contains(offset: entry.offset, byteCount: entry.length) else {
        return .refused(.rangeOutsideDisk)
      }
      guard entry.length <= UInt64(Self.maxRangeByteCount) else { return .refused(.badTransferLength) }
      if disk.isReadOnly {
        return .answered(VextCompletionEntry(id: entry.id, status: UInt16(EROFS), byteCount: 0))
      }
      let block: BlockOperation = operation == .discard ? .discard : .writeZeroes
      return .admitted(VextDeviceRequest(operation: block, vectorCount: 0, byteCount: entry.length))
    case .identify:
      guard entry.offset == 0, entry.length == 0 else { return .refused(.reservedNotZero) }
      return identify(entry)
    }
  }

  private func identify(_ entry: VextSubmissionEntry) -> VextAdmission {
    guard entry.segment0.byteCount >= image.identity.count else { return .refused(.badTransferLength) }
    do {
      try memory.write(image.identity, at: entry.segment0.address)
    } catch {
      return .refused(.segmentOutsideMemory)
    }
    return .answered(VextCompletionEntry(id: entry.id, status: 0, byteCount: UInt64(image.identity.count)))
  }
}

extension VextQueueError: Error {}

/// A request that passed every check. Its vectors are in the request table's row of its id.
struct VextDeviceRequest {
  var operation: BlockOperation
  // Not the vectors themselves: the answer of a check fits into registers.
  var vectorCount: Int
  var byteCount: UInt64
}

/// The result of checking an entry.
enum VextAdmission {
  /// The request may start.
  case admitted(VextDeviceRequest)
  /// The entry is well formed, and this completion answers it without the engine.
  case answered(VextCompletionEntry)
  /// The entry breaks the protocol: the queue must stop.
  case refused(VextQueueError)
}
