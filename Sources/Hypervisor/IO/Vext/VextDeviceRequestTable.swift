import SystemPackage

/// The state of each request id of a queue, and the vectors that the kernel reads. The I/O thread only.
///
/// Allocated once per queue. The vectors' memory is reserved for the worst case and becomes resident only as far as it is
/// used.
final class VextDeviceRequestTable: @unchecked Sendable {
  /// Maximum number of segments of a request.
  static let maxSegments = 256

  /// A request that is in flight.
  private struct Slot: BitwiseCopyable {
    /// Number of bytes that the request has to move; ``idle`` for an id without a request.
    var byteCount = Self.idle
    /// Start time if requests are counted: ``DiskActivity/begin(_:byteCount:)``.
    var startTicks: UInt64 = 0

    static let idle = UInt64.max
  }

  /// Number of segments that an entry has room for.
  static let inlineSegments = 2

  private let slots: FixedTable<Slot>
  /// ``inlineSegments`` vectors for each id: those of a whole queue fit into the first cache, while rows of 4 KiB would each
  /// take a page of the translation buffer and a line of one and the same set.
  private let inlineVectors: FixedTable<IOVector>
  /// ``maxSegments`` vectors for each id, for longer lists.
  private let listVectors: FixedTable<IOVector>
  /// Room for the copy of a segment list that is checked: two words for each segment.
  let listCopy: FixedTable<UInt64>

  /// - Parameter depth: a power of two.
  init(depth: Int) throws(Errno) {
    inlineVectors = try FixedTable(emptyVectors: depth * Self.inlineSegments)
    listVectors = try FixedTable(emptyVectors: depth * Self.maxSegments)
    slots = try FixedTable(repeating: Slot(), count: depth)
    listCopy = try FixedTable(repeating: 0, count: Self.maxSegments * 2)
  }

  /// The vectors of request `id`, which must be less than the depth, of `count` segments, at most ``maxSegments``.
  @inline(__always)
  func vectors(of id: UInt16, count: Int) -> IOVectors {
    if count <= Self.inlineSegments {
      return inlineVectors.row(wrapping: id, length: Self.inlineSegments, count: count)
    }
    return listVectors.row(wrapping: id, length: Self.maxSegments, count: count)
  }

  /// Whether request `id`, less than the depth, is in flight.
  @inline(__always)
  func isInFlight(_ id: UInt16) -> Bool { slots[wrapping: id].byteCount != Slot.idle }

  /// Records that request `id` is in flight.
  @inline(__always)
  func begin(_ id: UInt16, byteCount: UInt64, startTicks: UInt64) {
    slots[wrapping: id] = Slot(byteCount: byteCount, startTicks: startTicks)
  }

  /// Start time of request `id`, which is in flight, in ticks of the TSC.
  @inline(__always)
  func startTicks(of id: UInt16) -> UInt64 { slots[wrapping: id].startTicks }

  /// Removes request `id`.
  ///
  /// - Returns: the number of bytes that it had to move.
  @inline(__always)
  func end(_ id: UInt16) -> UInt64 {
    let byteCount = slots[wrapping: id].byteCount
    slots[wrapping: id].byteCount = Slot.idle
    return byteCount
  }
}
