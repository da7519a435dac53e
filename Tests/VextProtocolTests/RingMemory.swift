/// Zeroed bytes that two ends of a ring share, as guest and host share guest memory.
@safe
final class RingMemory {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) {
    self.byteCount = byteCount
    unsafe base = .allocate(byteCount: byteCount, alignment: 64)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  deinit { unsafe base.deallocate() }

  /// All bytes, copied.
  var bytes: [UInt8] { unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: byteCount)) }

  /// Sets the 64-bit word at `index`, whatever a ring's end would do.
  func store(_ value: UInt64, word index: Int) {
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: index * 8, as: UInt64.self)
  }
}
