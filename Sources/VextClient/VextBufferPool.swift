public import SystemPackage
import Synchronization

/// Allocates buffers in the memory that the device may reach. Any thread.
///
/// The device reads and writes buffers of the pool in place, so that requests on them copy nothing.
@safe
public final class VextBufferPool: Sendable {
  // SAFETY: the allocator hands out disjoint runs of `memory`, which this object keeps mapped; a run with holds is not handed out again.
  /// The alignment and the smallest size of buffers in bytes.
  public static let granuleByteCount = PhysicalMap.pageByteCount

  let memory: VextMemory
  private let state: Mutex<State>

  private struct State: Sendable {
    var allocator: BuddyAllocator
    /// Number of timed-out requests that may still write to a run, by the run's first unit.
    var holds: [Int: Int] = [:]
    /// Held runs that their owner has deallocated.
    var abandoned: Set<Int> = []
  }

  init(memory: VextMemory) {
    self.memory = memory
    state = Mutex(State(allocator: BuddyAllocator(unitCount: memory.byteCount / Self.granuleByteCount)))
  }

  /// The kind of pages of the memory.
  public var memoryKind: VextMemoryKind { memory.kind }

  /// The mechanism that keeps the pages in place.
  public var memoryPin: VextMemoryPin { memory.pin }

  /// The size of the pool in bytes.
  public var byteCount: Int { memory.byteCount }

  /// Number of free bytes; the largest free buffer may be smaller.
  public var freeByteCount: Int {
    state.withLock { $0.allocator.freeUnitCount } * Self.granuleByteCount
  }

  /// Number of contiguous runs of the memory in guest-physical memory.
  public var runCount: Int { memory.map.runCount }

  /// Allocates a buffer of `byteCount` bytes with undefined contents, which returns to the pool with its owner.
  ///
  /// The buffer takes the next power of two of bytes from the pool, and is aligned to that size or to 2 MiB.
  ///
  /// - Throws: `ENOMEM` if the pool has no such buffer left, `EINVAL` for a size below 1.
  public func allocate(byteCount: Int) throws(Errno) -> VextBuffer {
    unsafe VextBuffer(pool: self, bytes: try allocateBytes(byteCount: byteCount))
  }

  /// Allocates a buffer as ``allocate(byteCount:)`` does, for an owner that calls ``deallocate(_:)`` itself.
  public func allocateBytes(byteCount: Int) throws(Errno) -> UnsafeMutableRawBufferPointer {
    guard byteCount > 0 else { throw .invalidArgument }
    guard byteCount <= memory.byteCount, let bytes = unsafe take(byteCount: byteCount) else {
      throw .noMemory
    }
    return unsafe bytes
  }

  /// Returns a buffer to the pool; `bytes` is a result of ``allocateBytes(byteCount:)``.
  public func deallocate(_ bytes: UnsafeMutableRawBufferPointer) {
    guard let base = bytes.baseAddress, let offset = unsafe memory.offset(of: base, byteCount: 0)
    else { preconditionFailure("a buffer of this pool") }
    let unit = offset / Self.granuleByteCount
    state.withLock { state in
      if state.holds[unit] != nil {
        state.abandoned.insert(unit)
      } else {
        state.allocator.giveBack(unit)
      }
    }
  }

  /// Allocates a buffer; nil if the pool has none.
  func take(byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    let units = (byteCount + Self.granuleByteCount - 1) / Self.granuleByteCount
    let order = BuddyAllocator.order(forUnitCount: units)
    guard let unit = state.withLock({ $0.allocator.take(order: order) }) else { return nil }
    // SAFETY: the run lies within the memory, and nobody else has it.
    return unsafe UnsafeMutableRawBufferPointer(
      start: memory.base + unit * Self.granuleByteCount, count: byteCount)
  }

  /// Allocates a buffer that is contiguous in guest-physical memory, as a ring must be; nil if the pool has none.
  func takeContiguous(byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    var rejected: [UnsafeMutableRawBufferPointer] = unsafe []
    defer { for index in unsafe rejected.indices { unsafe deallocate(rejected[index]) } }
    while let bytes = unsafe take(byteCount: byteCount) {
      if let base = bytes.baseAddress,
        let offset = unsafe memory.offset(of: base, byteCount: byteCount),
        memory.map.run(at: offset).byteCount >= byteCount
      {
        return unsafe bytes
      }
      unsafe rejected.append(bytes)
    }
    return nil
  }

  /// Keeps the pool from reusing the buffer that contains `pointer` until ``release(_:)``, even if its owner deallocates it.
  func hold(_ pointer: UnsafeRawPointer) {
    guard let offset = unsafe memory.offset(of: pointer, byteCount: 0) else { return }
    state.withLock { state in
      guard let unit = state.allocator.takenRun(containing: offset / Self.granuleByteCount) else { return }
      state.holds[unit, default: 0] += 1
    }
  }

  /// Undoes a ``hold(_:)``.
  func release(_ pointer: UnsafeRawPointer) {
    guard let offset = unsafe memory.offset(of: pointer, byteCount: 0) else { return }
    state.withLock { state in
      guard let unit = state.allocator.takenRun(containing: offset / Self.granuleByteCount),
        let count = state.holds[unit]
      else { return }
      if count > 1 {
        state.holds[unit] = count - 1
      } else {
        state.holds[unit] = nil
        if state.abandoned.remove(unit) != nil { state.allocator.giveBack(unit) }
      }
    }
  }
}

/// A buffer of a ``VextBufferPool``, which returns to the pool at the end of its owner's life.
///
/// One thread at a time. While a request on the buffer is in flight, the device owns the bytes.
@safe
public struct VextBuffer: ~Copyable, @unchecked Sendable {
  // SAFETY: the pool gave the bytes to this value alone, and gets them back in `deinit`; `pool` keeps them mapped.
  private let pool: VextBufferPool
  /// The bytes, valid for as long as this value lives.
  public let bytes: UnsafeMutableRawBufferPointer

  init(pool: VextBufferPool, bytes: UnsafeMutableRawBufferPointer) {
    self.pool = pool
    unsafe self.bytes = unsafe bytes
  }

  /// The requested size in bytes.
  public var byteCount: Int { unsafe bytes.count }

  deinit { unsafe pool.deallocate(bytes) }
}
