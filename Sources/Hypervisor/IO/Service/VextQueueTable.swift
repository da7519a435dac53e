import HostSystem
import SystemPackage
import VextProtocol

/// The queue table that a VMM shares with vextd: which requests of each queue are in flight, and why a queue stopped
/// (docs/vext-service.md §5).
///
/// The service writes it. The VMM reads it after the service has ended, and so does the service that continues a queue, which
/// trusts it no more than a ring.
@safe
final class VextQueueTable: @unchecked Sendable {
  // SAFETY: the mapping has a part for each queue, and lives as long as this object, which each record keeps.
  /// Words of one queue: a fault and its detail, six reserved, then eight for each id.
  static let wordsPerQueue = 8 + Int(VextDevice.maxQueueDepth) * VextQueueRecord.wordsPerID
  /// Bytes of the table.
  static let byteCount = UInt64(wordsPerQueue) * 8 * UInt64(VextRegister.queueLimit)

  private let file: SharedMemoryFile
  private let mapping: Mapping

  /// - Throws: EINVAL for a file that is too short; what mmap(2) says.
  init(_ file: consuming SharedMemoryFile) throws(Errno) {
    guard file.byteCount >= Self.byteCount else { throw .invalidArgument }
    mapping = try Mapping.shared(descriptor: file.descriptor, byteCount: Int(Self.byteCount))
    self.file = file
  }

  /// The descriptor for the other side, valid as long as this object lives.
  var descriptor: Int32 { file.descriptor }

  /// The part of one queue, whose number is less than ``VextRegister/queueLimit``.
  func record(of queue: UInt16) -> VextQueueRecord {
    precondition(UInt32(queue) < VextRegister.queueLimit, "no such queue")
    return unsafe VextQueueRecord(
      table: self, words: VextSharedWords(base: mapping.base + Int(queue) * Self.wordsPerQueue * 8))
  }
}

/// One queue's part of a ``VextQueueTable``. One thread writes at a time.
@safe
struct VextQueueRecord: @unchecked Sendable {
  // SAFETY: a ``VextQueueTable`` makes it of the words of one queue, which the table keeps mapped. An id is masked, so that its
  // words are among them.
  private static let faultWord = 0
  private static let detailWord = 1
  private static let firstID = 8
  /// A mark, then the words 0 to 6 of the request's entry: one cache line.
  static let wordsPerID = 8

  /// Keeps the words mapped.
  private let table: VextQueueTable
  private let words: VextSharedWords

  fileprivate init(table: VextQueueTable, words: VextSharedWords) {
    self.table = table
    unsafe self.words = unsafe words
  }

  /// Forgets what was there; before the queue is enabled.
  func clear() {
    for index in 0..<Self.firstID { unsafe words.store(index, 0) }
    for id in 0..<UInt16(VextDevice.maxQueueDepth) { end(id) }
  }

  /// The request of `entry`, whose id is less than the largest depth and whose reserved fields are zero, is about to start.
  ///
  /// - Parameter sequence: ``VextCompletionProducer/sequence``: how many answers there were before.
  @inline(__always)
  func begin(_ entry: VextSubmissionEntry, sequence: UInt64) {
    let place = Self.place(entry.id)
    unsafe words.store(
      place &+ 1, UInt64(entry.operation) | UInt64(entry.flags.rawValue) &<< 8 | UInt64(entry.id) &<< 16)
    unsafe words.store(place &+ 2, entry.offset)
    unsafe words.store(place &+ 3, entry.length)
    unsafe words.store(place &+ 4, entry.segment0.address.rawValue)
    unsafe words.store(place &+ 5, UInt64(entry.segment0.byteCount))
    unsafe words.store(place &+ 6, entry.segment1.address.rawValue)
    unsafe words.store(place &+ 7, UInt64(entry.segment1.byteCount))
    unsafe words.storeReleasing(place, Self.mark(sequence))
  }

  /// Request `id` was answered.
  @inline(__always)
  func end(_ id: UInt16) { unsafe words.storeReleasing(Self.place(id), 0) }

  /// A copy of the entry of request `id`, which is in flight. Every field may be hostile, except that the id is `id`.
  func entry(of id: UInt16) -> VextSubmissionEntry {
    let place = Self.place(id)
    let first = unsafe words.load(place + 1)
    return unsafe VextSubmissionEntry(
      operation: UInt8(truncatingIfNeeded: first),
      flags: VextSubmissionFlags(rawValue: UInt8(truncatingIfNeeded: first >> 8)), id: id,
      offset: words.load(place + 2), length: words.load(place + 3), segment0: segment(place + 4),
      segment1: segment(place + 6))
  }

  private func segment(_ index: Int) -> VextSegment {
    unsafe VextSegment(
      address: GuestAddress(words.load(index)), byteCount: UInt32(truncatingIfNeeded: words.load(index + 1)))
  }

  /// The queue stopped.
  func stop(_ fault: VextQueueFault) {
    unsafe words.store(Self.detailWord, fault.detail)
    unsafe words.storeReleasing(Self.faultWord, UInt64(fault.error.rawValue))
  }

  /// Why the queue stopped.
  var fault: VextQueueFault {
    let error = unsafe UInt32(truncatingIfNeeded: words.loadAcquiring(Self.faultWord))
    return unsafe VextQueueFault(
      error: VextQueueError(rawValue: error) ?? .none, detail: words.load(Self.detailWord))
  }

  /// The ids, less than `depth`, that were in flight when the service ended.
  ///
  /// - Parameters:
  ///   - sequence: how many answers there are now.
  ///   - lastAnswered: the id of the last answer. The service may have ended before it noted that one; its mark then tells
  ///     of fewer answers than there are.
  func underWay(depth: UInt32, sequence: UInt64, lastAnswered: UInt16?) -> [UInt16] {
    (0..<UInt16(clamping: depth)).filter { id in
      let mark = unsafe words.loadAcquiring(Self.place(id))
      return mark != 0 && (id != lastAnswered || mark == Self.mark(sequence))
    }
  }

  @inline(__always)
  private static func place(_ id: UInt16) -> Int {
    // The largest depth is a power of two, and no queue has ids beyond it.
    firstID &+ (Int(id) & Int(VextDevice.maxQueueDepth &- 1)) &* wordsPerID
  }

  /// Never zero.
  @inline(__always)
  private static func mark(_ sequence: UInt64) -> UInt64 { sequence &<< 1 | 1 }
}
