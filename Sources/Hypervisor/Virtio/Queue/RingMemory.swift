import Synchronization

/// Memory of a virtqueue, which the guest reads and writes at the same time: every access is atomic, and no
/// reference escapes.
///
/// Offsets are in bytes from the start. The creator checks that the memory exists and is aligned.
@unsafe
struct RingMemory {
  private let base: UnsafeMutableRawPointer

  init(base: UnsafeMutableRawPointer) { unsafe self.base = unsafe base }

  @inline(__always)
  private func half(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt16>> {
    unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt16>.self)
  }

  @inline(__always)
  private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// Reads payload, ordered only by an earlier ``loadAcquiring(_:)``.
  @inline(__always)
  func load(_ offset: Int) -> UInt16 { unsafe half(offset).pointee.load(ordering: .relaxed) }

  /// Reads the driver's index; the driver's earlier writes are visible afterwards.
  @inline(__always)
  func loadAcquiring(_ offset: Int) -> UInt16 { unsafe half(offset).pointee.load(ordering: .acquiring) }

  /// Writes a field that announces nothing.
  @inline(__always)
  func store(_ offset: Int, _ value: UInt16) { unsafe half(offset).pointee.store(value, ordering: .relaxed) }

  /// Writes payload: made visible by a later ``storeReleasing(_:_:)``.
  @inline(__always)
  func store(_ offset: Int, _ value: UInt32) { unsafe word(offset).pointee.store(value, ordering: .relaxed) }

  /// Writes the device's index; earlier writes are visible to the driver that reads it.
  @inline(__always)
  func storeReleasing(_ offset: Int, _ value: UInt16) {
    unsafe half(offset).pointee.store(value, ordering: .releasing)
  }

  /// Copies descriptor `index` of a table out, each byte once.
  @inline(__always)
  func descriptor(_ index: Int) -> VirtqueueDescriptor {
    let entry = unsafe base + index &* VirtqueueDescriptor.byteCount
    guard UInt(bitPattern: entry) & 7 == 0 else { return unsafe Self.unalignedDescriptor(entry) }
    let words = unsafe entry.assumingMemoryBound(to: Atomic<UInt64>.self)
    return unsafe VirtqueueDescriptor(
      words.pointee.load(ordering: .relaxed), (words + 1).pointee.load(ordering: .relaxed))
  }

  /// Copies a descriptor at any alignment, because virtio 1.2 §2.7.5.3 requires none for indirect tables.
  @inline(never)
  private static func unalignedDescriptor(_ entry: UnsafeMutableRawPointer) -> VirtqueueDescriptor {
    let bytes = unsafe entry.assumingMemoryBound(to: Atomic<UInt8>.self)
    var words: (UInt64, UInt64) = (0, 0)
    for index in 0..<8 {
      words.0 |= unsafe UInt64((bytes + index).pointee.load(ordering: .relaxed)) << UInt64(index * 8)
      words.1 |= unsafe UInt64((bytes + 8 + index).pointee.load(ordering: .relaxed)) << UInt64(index * 8)
    }
    return VirtqueueDescriptor(words.0, words.1)
  }
}
