import HostSystem
import Synchronization

/// One queue's part of a ``VhostInflightRegion``: which requests are in flight, and in which order they were taken.
///
/// ```
/// byte 0: features (64 bits)   8: version (16)   10: entries (16)   12: head of the last batch (16)   14: used index (16)
/// byte 16 + 16 i, of head i: in flight (8 bits)   +6: next of the last batch (16)   +8: place in the order (64)
/// ```
///
/// The I/O thread that serves the queue writes it, with one store for each field, so that a successor finds the memory in a state
/// between two of them. One thread at a time.
@safe
final class VhostInflightQueue: @unchecked Sendable {
  // SAFETY: the region keeps `size` entries behind the header mapped, 64-byte aligned. Each head is less than `size`.

  static let headerByteCount = 16
  static let entryByteCount = 16

  private enum Offset {
    static let version = 8
    static let entryCount = 10
    static let lastBatch = 12
    static let usedIndex = 14
    static let isUnderWay = 0
    static let next = 6
    static let counter = 8
  }

  private let region: VhostInflightRegion
  private let base: UnsafeMutableRawPointer
  private let size: UInt16
  private var counter: UInt64 = 0
  /// Heads that were put into the used ring since its index was stored; never longer than the queue.
  private var batch: [UInt16] = []

  /// The part at `offset` in the region's mapping, for a queue of `size` entries.
  init(region: VhostInflightRegion, offset: Int, size: UInt16) {
    let byteCount = Self.headerByteCount + Int(size) * Self.entryByteCount
    precondition(
      offset >= 0 && offset.isMultiple(of: 8) && offset <= region.mapping.byteCount - byteCount,
      "a part of the region")
    self.region = region
    unsafe base = unsafe region.mapping.base + offset
    self.size = size
    batch.reserveCapacity(Int(size))
  }

  private func half(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt16>> {
    unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt16>.self)
  }

  private func entry(_ head: UInt16) -> UnsafeMutableRawPointer {
    unsafe base + Self.headerByteCount + Int(head) &* Self.entryByteCount
  }

  private func setUnderWay(_ head: UInt16, _ isUnderWay: Bool) {
    let flag = unsafe (entry(head) + Offset.isUnderWay).assumingMemoryBound(to: Atomic<UInt8>.self)
    unsafe flag.pointee.store(isUnderWay ? 1 : 0, ordering: .releasing)
  }

  private func isUnderWay(_ head: UInt16) -> Bool {
    let flag = unsafe (entry(head) + Offset.isUnderWay).assumingMemoryBound(to: Atomic<UInt8>.self)
    return unsafe flag.pointee.load(ordering: .relaxed) == 1
  }

  private func order(_ head: UInt16) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (entry(head) + Offset.counter).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  private func next(_ head: UInt16) -> UnsafeMutablePointer<Atomic<UInt16>> {
    unsafe (entry(head) + Offset.next).assumingMemoryBound(to: Atomic<UInt16>.self)
  }

  /// Finishes what a predecessor was noting, and returns the heads of its requests in the order in which it took them.
  ///
  /// - Parameter usedIndex: the index of the used ring.
  func recover(usedIndex: UInt16) -> [UInt16] {
    if unsafe half(Offset.version).pointee.load(ordering: .relaxed) == 1 {
      // The index was stored, but perhaps not all of the batch was noted as done.
      let noted = unsafe half(Offset.usedIndex).pointee.load(ordering: .relaxed)
      var head = unsafe half(Offset.lastBatch).pointee.load(ordering: .relaxed)
      for _ in 0..<min(usedIndex &- noted, size) {
        guard head < size else { break }
        setUnderWay(head, false)
        head = unsafe next(head).pointee.load(ordering: .relaxed)
      }
    } else {
      for head in 0..<size { setUnderWay(head, false) }
      unsafe half(Offset.entryCount).pointee.store(size, ordering: .relaxed)
      unsafe half(Offset.version).pointee.store(1, ordering: .releasing)
    }
    unsafe half(Offset.usedIndex).pointee.store(usedIndex, ordering: .releasing)
    let taken = (0..<size).filter { isUnderWay($0) }
      .map { head in (head: head, order: unsafe order(head).pointee.load(ordering: .relaxed)) }
      .sorted { $0.order < $1.order }
    counter = (taken.last?.order ?? 0) &+ 1
    return taken.map(\.head)
  }

  /// Notes that the request at `head` was taken.
  func begin(_ head: UInt16) {
    guard head < size else { return }
    unsafe order(head).pointee.store(counter, ordering: .relaxed)
    counter &+= 1
    setUnderWay(head, true)
  }

  /// Notes that the request at `head` was put into the used ring, whose index is not stored yet.
  func end(_ head: UInt16) {
    guard head < size, batch.count < Int(size) else { return }
    let last = unsafe half(Offset.lastBatch).pointee.load(ordering: .relaxed)
    unsafe next(head).pointee.store(last, ordering: .relaxed)
    unsafe half(Offset.lastBatch).pointee.store(head, ordering: .releasing)
    batch.append(head)
  }

  /// Notes that the used ring's index was stored.
  func published(usedIndex: UInt16) {
    guard !batch.isEmpty else { return }
    for head in batch { setUnderWay(head, false) }
    batch.removeAll(keepingCapacity: true)
    unsafe half(Offset.usedIndex).pointee.store(usedIndex, ordering: .releasing)
  }
}
