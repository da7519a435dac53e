import Synchronization
import VextProtocol

/// The device's end of a split virtqueue (virtio 1.2 §2.7).
///
/// ```
/// available ring (driver writes)             used ring (device writes)
///   flags | idx | head head ... | used_event   flags | idx | {id, len} {id, len} ... | avail_event
///            ^ known        ^ next                     ^ published           ^ next
/// ```
///
/// A value with pointers into the memory of the ``GuestMemory`` that it was made from, which must outlive it. One
/// thread at a time uses it; a loop copies it to a local and writes it back.
@unsafe
public struct Virtqueue: @unchecked Sendable {
  private enum Offset {
    static let flags = 0
    static let index = 2
    static let ring = 4
  }

  /// VIRTQ_AVAIL_F_NO_INTERRUPT and VIRTQ_USED_F_NO_NOTIFY: the other side need not signal.
  private static let doNotSignal: UInt16 = 1
  /// Distance by which the available event may lag while notifications are suppressed: far from a wrap at 2^16, and
  /// seldom written.
  private static let availableEventLag: UInt16 = 0x4000

  /// Number of entries, a power of two.
  public let size: UInt16
  let map: GuestMemoryMap
  let descriptors: RingMemory
  let allowsIndirect: Bool
  private let usesEventIndex: Bool
  private let available: RingMemory
  private let used: RingMemory
  private var nextAvailable: UInt16 = 0
  private var knownAvailable: UInt16 = 0
  private var nextUsed: UInt16 = 0
  private var publishedUsed: UInt16 = 0
  private var availableEvent: UInt16 = 0
  private var usedFlags: UInt16 = 0

  /// Makes a queue at `layout`, in the state after a reset.
  ///
  /// - Throws: invalidSize; invalidRing for an area that is misaligned or not wholly within RAM.
  public init(_ layout: VirtqueueLayout, features: VirtioFeatures, memory: GuestMemory) throws(VirtqueueError)
  {
    guard layout.size > 0, layout.size & (layout.size - 1) == 0, layout.size <= 1 << 15 else {
      throw .invalidSize(layout.size)
    }
    let map = unsafe memory.map
    func area(
      _ address: GuestAddress, _ byteCount: UInt64, alignment: UInt64
    ) throws(VirtqueueError) -> RingMemory {
      guard address.isAligned(to: alignment), let base = unsafe map.hostPointer(address, byteCount: byteCount)
      else { throw .invalidRing(address) }
      return unsafe RingMemory(base: base)
    }
    unsafe descriptors = try area(layout.descriptorTable, layout.descriptorTableByteCount, alignment: 16)
    unsafe available = try area(layout.availableRing, layout.availableRingByteCount, alignment: 2)
    unsafe used = try area(layout.usedRing, layout.usedRingByteCount, alignment: 4)
    unsafe self.map = unsafe map
    unsafe size = layout.size
    unsafe allowsIndirect = features.contains(.indirectDescriptors)
    unsafe usesEventIndex = features.contains(.eventIndex)
  }

  @inline(__always)
  private func slot(_ index: UInt16) -> Int { unsafe Int(index & (size &- 1)) }

  /// Takes the next available chain and returns its head; nil if there is none.
  ///
  /// - Throws: availableIndexJump or headOutOfRange; the queue cannot be used any more then.
  @inline(__always)
  mutating func takeHead() throws(VirtqueueError) -> UInt16? {
    if unsafe nextAvailable == knownAvailable {
      // Pairs with the driver's barrier before it advances the index: descriptors and heads are visible.
      let index = unsafe available.loadAcquiring(Offset.index)
      guard unsafe index != nextAvailable else { return nil }
      guard unsafe index &- nextAvailable <= size else {
        throw unsafe .availableIndexJump(from: nextAvailable, to: index)
      }
      unsafe knownAvailable = index
    }
    // SAFETY: a slot is less than the size, for which the initializer checked the ring.
    let head = unsafe available.load(Offset.ring &+ slot(nextAvailable) &* 2)
    guard unsafe head < size else { throw .headOutOfRange(head) }
    unsafe nextAvailable &+= 1
    return head
  }

  /// Completes the chain at `head`, with `byteCount` bytes written to it; ``publish()`` makes that visible to the driver.
  @inline(__always)
  mutating func putUsed(head: UInt16, byteCount: UInt32) {
    let entry = unsafe Offset.ring &+ slot(nextUsed) &* 8
    unsafe used.store(entry, UInt32(head))
    unsafe used.store(entry &+ 4, byteCount)
    unsafe nextUsed &+= 1
  }

  /// Makes completed chains visible to the driver.
  ///
  /// - Returns: whether the driver wants an interrupt for them.
  @inline(__always)
  mutating func publish() -> Bool {
    guard unsafe nextUsed != publishedUsed else { return false }
    let old = unsafe publishedUsed
    unsafe used.storeReleasing(Offset.index, nextUsed)
    unsafe publishedUsed = nextUsed
    // The index must be stored before the driver's request is read, because the driver writes its request, then reads the
    // index.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard unsafe usesEventIndex else {
      return unsafe available.load(Offset.flags) & Self.doNotSignal == 0
    }
    let event = unsafe available.load(Offset.ring &+ Int(size) &* 2)
    return unsafe nextUsed &- event &- 1 < nextUsed &- old
  }

  /// Asks the driver not to notify: by the flag, or by an available event that lies behind.
  @inline(__always)
  mutating func suppressNotifications() {
    if unsafe usesEventIndex {
      let lag = unsafe nextAvailable &- availableEvent
      if unsafe lag == 0 || lag > Self.availableEventLag { unsafe setAvailableEvent(nextAvailable &- 1) }
    } else if unsafe usedFlags == 0 {
      unsafe usedFlags = Self.doNotSignal
      unsafe used.store(Offset.flags, usedFlags)
    }
  }

  /// Asks the driver to notify from the next chain on.
  ///
  /// - Returns: false if a chain is there already, for which the driver may not have notified.
  mutating func requestNotifications() -> Bool {
    if unsafe usesEventIndex {
      unsafe setAvailableEvent(nextAvailable)
    } else {
      unsafe usedFlags = 0
      unsafe used.store(Offset.flags, usedFlags)
    }
    // The request must be stored before the index is read, because the driver writes the index, then reads the request.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return unsafe available.loadAcquiring(Offset.index) == nextAvailable
  }

  private mutating func setAvailableEvent(_ index: UInt16) {
    unsafe availableEvent = index
    unsafe used.store(Offset.ring &+ Int(size) &* 8, index)
  }
}
