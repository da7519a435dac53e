public import SystemPackage
import Synchronization

/// Buffers in the memory that the device may reach. Any thread.
///
/// A request on a buffer of the pool moves no byte twice: the device reads and writes it in place.
@safe
public final class VextBufferPool: Sendable {
  /// Buffers start at multiples of this and take at least as much, in bytes.
  public static let granuleByteCount = PhysicalMap.pageByteCount

  let memory: VextMemory
  private let state: Mutex<State>

  private struct State: Sendable {
    var allocator: BuddyAllocator
    /// How many requests whose end is unknown may still write to a run, by its first unit.
    var holds: [Int: Int] = [:]
    /// Held runs that their owner has given back.
    var abandoned: Set<Int> = []
  }

  init(memory: VextMemory) {
    self.memory = memory
    state = Mutex(State(allocator: BuddyAllocator(unitCount: memory.byteCount / Self.granuleByteCount)))
  }

  /// What the memory is made of: whether there were huge pages.
  public var memoryKind: VextMemoryKind { memory.kind }

  /// What keeps the memory in its place.
  public var memoryPin: VextMemoryPin { memory.pin }

  /// The size of the pool in bytes.
  public var byteCount: Int { memory.byteCount }

  /// Bytes that are free; fewer may be had in one piece.
  public var freeByteCount: Int {
    state.withLock { $0.allocator.freeUnitCount } * Self.granuleByteCount
  }

  /// How many pieces the memory has in guest-physical memory.
  public var runCount: Int { memory.map.runCount }

  /// A buffer of `byteCount` bytes, which goes back to the pool with its owner.
  ///
  /// It takes the next power of two of bytes from the pool, and starts at a multiple of that or of 2 MiB. Its content is
  /// undefined.
  ///
  /// - Throws: `ENOMEM` if the pool has no such piece left, `EINVAL` for a size below 1.
  public func allocate(byteCount: Int) throws(Errno) -> VextBuffer {
    unsafe VextBuffer(pool: self, bytes: try allocateBytes(byteCount: byteCount))
  }

  /// As ``allocate(byteCount:)``, for an owner that calls ``deallocate(_:)`` itself.
  public func allocateBytes(byteCount: Int) throws(Errno) -> UnsafeMutableRawBufferPointer {
    guard byteCount > 0 else { throw .invalidArgument }
    guard byteCount <= memory.byteCount, let bytes = unsafe take(byteCount: byteCount) else {
      throw .noMemory
    }
    return unsafe bytes
  }

  /// Gives a buffer back; `bytes` is what ``allocateBytes(byteCount:)`` gave.
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

  /// A buffer, or nil if there is none.
  func take(byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    let units = (byteCount + Self.granuleByteCount - 1) / Self.granuleByteCount
    let order = BuddyAllocator.order(forUnitCount: units)
    guard let unit = state.withLock({ $0.allocator.take(order: order) }) else { return nil }
    // SAFETY: the run lies within the memory, and nobody else has it.
    return unsafe UnsafeMutableRawBufferPointer(
      start: memory.base + unit * Self.granuleByteCount, count: byteCount)
  }

  /// A buffer whose bytes follow one another in guest-physical memory, as a ring's must; nil if there is none.
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

  /// Keeps the buffer that holds `pointer` from being given out again until ``release(_:)``, whatever its owner does.
  func hold(_ pointer: UnsafeRawPointer) {
    guard let offset = unsafe memory.offset(of: pointer, byteCount: 0) else { return }
    state.withLock { state in
      guard let unit = state.allocator.takenRun(containing: offset / Self.granuleByteCount) else { return }
      state.holds[unit, default: 0] += 1
    }
  }

  /// Ends a ``hold(_:)``.
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
