import CLinux
import HostSystem
import SystemPackage

/// The state of each request id of a queue, and the vectors that the kernel reads. The I/O thread only.
///
/// Allocated once per queue. The vectors' memory is reserved for the worst case and becomes resident only as far as it is
/// used.
@safe
final class VextDeviceRequestTable: @unchecked Sendable {
  /// Maximum number of segments of a request, and the stride of the vectors.
  static let maxSegments = 256

  private static let idle = UInt64.max

  /// Number of bytes that the request of each id has to move; ``idle`` for an id without a request.
  private let byteCounts: UnsafeMutableBufferPointer<UInt64>
  /// Start time of each request if requests are counted: ``DiskActivity/begin(_:byteCount:)``.
  private let startTicks: UnsafeMutableBufferPointer<UInt64>
  private let vectorMemory: Mapping
  private let depth: Int
  /// Room for the copy of a segment list that is checked: two words for each segment.
  let listCopy: UnsafeMutableBufferPointer<UInt64>

  init(depth: Int) throws(Errno) {
    vectorMemory = try unsafe Mapping.anonymous(
      byteCount: depth * Self.maxSegments * MemoryLayout<iovec>.stride)
    unsafe byteCounts = .allocate(capacity: depth)
    unsafe byteCounts.initialize(repeating: Self.idle)
    unsafe startTicks = .allocate(capacity: depth)
    unsafe startTicks.initialize(repeating: 0)
    unsafe listCopy = .allocate(capacity: Self.maxSegments * 2)
    unsafe listCopy.initialize(repeating: 0)
    self.depth = depth
  }

  deinit {
    unsafe byteCounts.deallocate()
    unsafe startTicks.deallocate()
    unsafe listCopy.deallocate()
  }

  /// The vectors of request `id`, which must be less than the depth.
  @inline(__always)
  func vectors(of id: UInt16) -> UnsafeMutablePointer<iovec> {
    // SAFETY: ids are checked against the depth when an entry is admitted, and the mapping holds `depth` rows.
    unsafe vectorMemory.base.assumingMemoryBound(to: iovec.self) + Int(id) &* Self.maxSegments
  }

  /// Whether request `id`, less than the depth, is under way.
  @inline(__always)
  func isInFlight(_ id: UInt16) -> Bool { unsafe byteCounts[Int(id)] != Self.idle }

  /// Records that request `id` is under way.
  @inline(__always)
  func begin(_ id: UInt16, byteCount: UInt64, startTicks ticks: UInt64) {
    unsafe byteCounts[Int(id)] = byteCount
    unsafe startTicks[Int(id)] = ticks
  }

  /// Start time of request `id`, which is under way, in ticks of the TSC.
  @inline(__always)
  func startTicks(of id: UInt16) -> UInt64 { unsafe startTicks[Int(id)] }

  /// Removes request `id`.
  ///
  /// - Returns: the number of bytes that it had to move.
  @inline(__always)
  func end(_ id: UInt16) -> UInt64 {
    let byteCount = unsafe byteCounts[Int(id)]
    unsafe byteCounts[Int(id)] = Self.idle
    return byteCount
  }
}
