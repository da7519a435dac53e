import CLinux
import HostSystem
import SystemPackage

/// What a queue remembers of each id, and the vectors that the kernel reads: allocated once per queue.
///
/// The I/O thread alone touches it. The vectors' memory is reserved for the worst case and becomes resident
/// only as far as it is used.
@safe
final class VextDeviceRequestTable: @unchecked Sendable {
  /// Segments of one request at most; vectors are laid out by this stride.
  static let maxSegments = 256

  private static let idle = UInt64.max

  /// Bytes that the request of each id is to move; ``idle`` where the id has none under way.
  private let byteCounts: UnsafeMutableBufferPointer<UInt64>
  /// When each began, if that is counted: ``DiskActivity/begin(_:byteCount:)``.
  private let startTicks: UnsafeMutableBufferPointer<UInt64>
  private let vectorMemory: Mapping
  private let depth: Int
  /// Where a segment list is copied to, once, before it is looked at: two words a segment.
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
    // SAFETY: ids are checked against the depth when an entry is admitted, and the mapping holds that many rows.
    unsafe vectorMemory.base.assumingMemoryBound(to: iovec.self) + Int(id) &* Self.maxSegments
  }

  /// Whether request `id`, less than the depth, is under way.
  @inline(__always)
  func isInFlight(_ id: UInt16) -> Bool { unsafe byteCounts[Int(id)] != Self.idle }

  /// Notes that request `id` is under way.
  @inline(__always)
  func begin(_ id: UInt16, byteCount: UInt64, startTicks ticks: UInt64) {
    unsafe byteCounts[Int(id)] = byteCount
    unsafe startTicks[Int(id)] = ticks
  }

  /// When request `id`, which is under way, began.
  @inline(__always)
  func startTicks(of id: UInt16) -> UInt64 { unsafe startTicks[Int(id)] }

  /// Forgets request `id` and returns how many bytes it was to move.
  @inline(__always)
  func end(_ id: UInt16) -> UInt64 {
    let byteCount = unsafe byteCounts[Int(id)]
    unsafe byteCounts[Int(id)] = Self.idle
    return byteCount
  }
}
