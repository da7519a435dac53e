import Glibc

/// The bytes of a disk in memory.
@safe
final class CrashMemory: @unchecked Sendable {
  let byteCount: Int
  private let base: UnsafeMutableRawPointer
  private let isMapped: Bool

  init(byteCount: Int) {
    self.byteCount = byteCount
    isMapped = false
    unsafe base = .allocate(byteCount: max(byteCount, 1), alignment: 4096)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  convenience init(_ bytes: [UInt8]) {
    self.init(byteCount: bytes.count)
    write(bytes[...], at: 0)
  }

  convenience init(copying other: CrashMemory) {
    self.init(byteCount: other.byteCount)
    copy(0, byteCount, from: other)
  }

  /// Takes over a mapping.
  init(mapped base: UnsafeMutableRawPointer, byteCount: Int) {
    self.byteCount = byteCount
    isMapped = true
    unsafe self.base = unsafe base
  }

  deinit { if isMapped { unsafe munmap(base, byteCount) } else { unsafe base.deallocate() } }

  /// A range, for a call that does not keep it.
  func slice(_ offset: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
    precondition(offset >= 0 && count >= 0 && offset <= byteCount - count, "a range of the disk")
    return unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: count)
  }

  func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
    unsafe bytes.withUnsafeBytes { unsafe slice(offset, bytes.count).copyMemory(from: $0) }
  }

  func clear(_ offset: Int, _ count: Int) {
    unsafe _ = slice(offset, count).initializeMemory(as: UInt8.self, repeating: 0)
  }

  func bytes(_ offset: Int, _ count: Int) -> [UInt8] { unsafe Array(slice(offset, count)) }

  func copy(_ offset: Int, _ count: Int, from other: CrashMemory) {
    unsafe slice(offset, count).copyMemory(from: UnsafeRawBufferPointer(other.slice(offset, count)))
  }

  func word(at offset: Int) -> UInt32 {
    unsafe UnsafeRawBufferPointer(slice(offset, 4)).loadUnaligned(as: UInt32.self)
  }

  func setWord(_ word: UInt32, at offset: Int) {
    unsafe slice(offset, 4).storeBytes(of: word, as: UInt32.self)
  }

  /// A hash of a range whose length is a multiple of 32, in four lanes so that it runs at the speed of the memory.
  func hash(_ offset: Int, _ count: Int, seed: UInt64) -> UInt64 {
    let bytes = unsafe UnsafeRawBufferPointer(slice(offset, count))
    var lanes: (UInt64, UInt64, UInt64, UInt64) = (seed, ~seed, seed &* 3, seed &* 7)
    var position = 0
    while position < count {
      // SAFETY: the length is a multiple of 32, so each load ends inside the range.
      lanes.0 = unsafe Self.mix(lanes.0, bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      lanes.1 = unsafe Self.mix(lanes.1, bytes.loadUnaligned(fromByteOffset: position + 8, as: UInt64.self))
      lanes.2 = unsafe Self.mix(lanes.2, bytes.loadUnaligned(fromByteOffset: position + 16, as: UInt64.self))
      lanes.3 = unsafe Self.mix(lanes.3, bytes.loadUnaligned(fromByteOffset: position + 24, as: UInt64.self))
      position += 32
    }
    return Self.mix(Self.mix(lanes.0, lanes.1), Self.mix(lanes.2, lanes.3))
  }

  /// One step of a multiplicative hash.
  static func mix(_ state: UInt64, _ word: UInt64) -> UInt64 {
    let product = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
    return product ^ product >> 29
  }
}
