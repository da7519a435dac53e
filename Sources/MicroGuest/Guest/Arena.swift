import CGuest

/// Memory handed out once and never taken back: the worker's part of the heap.
struct Arena {
  private var next: UInt64
  private let end: UInt64

  init(base: UInt64, end: UInt64) {
    next = base
    self.end = end
  }

  /// The address of `byteCount` bytes at a multiple of `alignment`, a power of two.
  mutating func take(_ byteCount: UInt64, alignment: UInt64 = 64) throws(GuestFailure) -> UInt64 {
    let start = (next &+ alignment &- 1) & ~(alignment &- 1)
    guard start >= next, start <= end, byteCount <= end &- start else {
      throw GuestFailure(reason: .outOfMemory)
    }
    next = start &+ byteCount
    return start
  }

  /// As ``take(_:alignment:)``, for `count` values of one type that is all zero bytes at the start.
  mutating func takeZeroed<Value: BitwiseCopyable>(
    _ type: Value.Type, count: Int
  ) throws(GuestFailure) -> UnsafeMutablePointer<Value> {
    let byteCount = count * MemoryLayout<Value>.stride
    let raw = unsafe try pointer(take(UInt64(byteCount)))
    unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    return unsafe raw.assumingMemoryBound(to: Value.self)
  }
}

/// The pointer to `address`, which is not zero.
func pointer(_ address: UInt64) throws(GuestFailure) -> UnsafeMutableRawPointer {
  guard let pointer = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)) else {
    throw GuestFailure(reason: .outOfMemory)
  }
  return unsafe pointer
}

/// Fills `byteCount` bytes at `address` with zero.
func zero(_ address: UInt64, _ byteCount: UInt64) throws(GuestFailure) {
  unsafe try pointer(address).initializeMemory(
    as: UInt8.self, repeating: 0, count: Int(truncatingIfNeeded: byteCount))
}
