import Synchronization
import VextProtocol

/// The three areas of a virtqueue in guest RAM, which the guest reads and writes at the same time: every access is atomic, and no
/// reference escapes.
@safe
struct VirtqueueMemory {
  // SAFETY: the initializer checks that the areas lie in RAM and are aligned, and the queue's owner keeps the ``GuestMemory``. A
  // slot is an index modulo the size, for which the areas were checked.

  private enum Offset {
    static let flags = 0
    static let index = 2
    static let ring = 4
  }

  /// Number of entries, a power of two.
  let size: UInt16
  /// The descriptor table.
  let descriptors: VirtqueueDescriptorTable
  private let available: UnsafeMutableRawPointer
  private let used: UnsafeMutableRawPointer

  /// Finds the areas.
  ///
  /// - Throws: invalidSize; invalidRing for an area that is misaligned or not wholly within RAM.
  init(_ layout: VirtqueueLayout, in map: GuestMemoryMap) throws(VirtqueueError) {
    guard layout.size > 0, layout.size & (layout.size - 1) == 0, layout.size <= 1 << 15 else {
      throw .invalidSize(layout.size)
    }
    func area(
      _ address: GuestAddress, _ byteCount: UInt64, alignment: UInt64
    ) throws(VirtqueueError) -> UnsafeMutableRawPointer {
      guard address.isAligned(to: alignment), let base = unsafe map.hostPointer(address, byteCount: byteCount)
      else { throw .invalidRing(address) }
      return unsafe base
    }
    let table = try unsafe area(layout.descriptorTable, layout.descriptorTableByteCount, alignment: 16)
    descriptors = unsafe VirtqueueDescriptorTable(base: table, count: Int(layout.size))
    unsafe available = try area(layout.availableRing, layout.availableRingByteCount, alignment: 2)
    unsafe used = try area(layout.usedRing, layout.usedRingByteCount, alignment: 4)
    size = layout.size
  }

  @inline(__always)
  private func slot(_ index: UInt16) -> Int { Int(index & (size &- 1)) }

  @inline(__always)
  private static func half(_ base: UnsafeMutableRawPointer, _ offset: Int) -> UnsafeMutablePointer<
    Atomic<UInt16>
  > {
    unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt16>.self)
  }

  // MARK: The available ring, which the driver writes

  /// The driver's index; the driver's earlier writes are visible afterwards.
  @inline(__always)
  var availableIndex: UInt16 { unsafe Self.half(available, Offset.index).pointee.load(ordering: .acquiring) }

  /// The driver's flags.
  @inline(__always)
  var availableFlags: UInt16 { unsafe Self.half(available, Offset.flags).pointee.load(ordering: .relaxed) }

  /// Entry `index`, modulo the size: a head, ordered only by an earlier ``availableIndex``.
  @inline(__always)
  func availableHead(at index: UInt16) -> UInt16 {
    unsafe Self.half(available, Offset.ring &+ slot(index) &* 2).pointee.load(ordering: .relaxed)
  }

  /// The used index at which the driver wants an interrupt, behind the entries.
  @inline(__always)
  var usedEvent: UInt16 {
    unsafe Self.half(available, Offset.ring &+ Int(size) &* 2).pointee.load(ordering: .relaxed)
  }

  // MARK: The used ring, which the device writes

  /// The index that the device has stored last, which may be an earlier device.
  var usedIndex: UInt16 { unsafe Self.half(used, Offset.index).pointee.load(ordering: .acquiring) }

  /// Writes entry `index`, modulo the size: made visible by a later ``publishUsed(_:)``.
  @inline(__always)
  func storeUsed(at index: UInt16, head: UInt16, byteCount: UInt32) {
    let words = unsafe (used + (Offset.ring &+ slot(index) &* 8)).assumingMemoryBound(to: Atomic<UInt32>.self)
    unsafe words.pointee.store(UInt32(head), ordering: .relaxed)
    unsafe (words + 1).pointee.store(byteCount, ordering: .relaxed)
  }

  /// Writes the device's index; earlier writes are visible to the driver that reads it.
  @inline(__always)
  func publishUsed(_ index: UInt16) {
    unsafe Self.half(used, Offset.index).pointee.store(index, ordering: .releasing)
  }

  /// Writes the device's flags.
  @inline(__always)
  func storeUsedFlags(_ flags: UInt16) {
    unsafe Self.half(used, Offset.flags).pointee.store(flags, ordering: .relaxed)
  }

  /// Writes the available index at which the device wants a notification, behind the entries.
  @inline(__always)
  func storeAvailableEvent(_ index: UInt16) {
    unsafe Self.half(used, Offset.ring &+ Int(size) &* 8).pointee.store(index, ordering: .relaxed)
  }
}

/// A table of descriptors in guest RAM: a queue's own, or an indirect one.
@safe
struct VirtqueueDescriptorTable {
  // SAFETY: `count` descriptors were found to lie in RAM, which the queue's owner keeps; each index is checked against `count`.
  private let base: UnsafeMutableRawPointer
  /// Number of descriptors.
  let count: Int

  fileprivate init(base: UnsafeMutableRawPointer, count: Int) {
    unsafe self.base = unsafe base
    self.count = count
  }

  /// Finds an indirect table of `byteCount` bytes; nil if it does not lie wholly within RAM.
  @inline(__always)
  init?(at address: GuestAddress, byteCount: UInt32, in map: GuestMemoryMap) {
    guard let base = unsafe map.hostPointer(address, byteCount: UInt64(byteCount)) else { return nil }
    unsafe self.base = unsafe base
    count = Int(byteCount) / VirtqueueDescriptor.byteCount
  }

  /// Copies descriptor `index` out, each byte once; nil if there is no such descriptor.
  @inline(__always)
  func descriptor(_ index: Int) -> VirtqueueDescriptor? {
    guard index < count else { return nil }
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
