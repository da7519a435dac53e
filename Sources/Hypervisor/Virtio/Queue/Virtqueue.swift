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
public struct Virtqueue: @unchecked Sendable {
  /// VIRTQ_AVAIL_F_NO_INTERRUPT and VIRTQ_USED_F_NO_NOTIFY: the other side need not signal.
  private static let doNotSignal: UInt16 = 1
  /// Distance by which the available event may lag while notifications are suppressed: far from a wrap at 2^16, and
  /// seldom written.
  private static let availableEventLag: UInt16 = 0x4000

  let map: GuestMemoryMap
  let areas: VirtqueueMemory
  let allowsIndirect: Bool
  private let usesEventIndex: Bool
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
    map = memory.map
    areas = try VirtqueueMemory(layout, in: memory.map)
    allowsIndirect = features.contains(.indirectDescriptors)
    usesEventIndex = features.contains(.eventIndex)
  }

  /// Number of entries, a power of two.
  public var size: UInt16 {
    @inline(__always) get { areas.size }
  }

  /// The index of the used ring as the device has stored it.
  var usedIndex: UInt16 { publishedUsed }

  /// The index of the next entry of the available ring.
  var availableIndex: UInt16 { nextAvailable }

  /// The used index that an earlier device left in guest memory.
  var storedUsedIndex: UInt16 { areas.usedIndex }

  /// Continues a queue that an earlier device left, before the first ``takeHead()``.
  mutating func resume(available: UInt16, used: UInt16) {
    nextAvailable = available
    knownAvailable = available
    nextUsed = used
    publishedUsed = used
    availableEvent = available
  }

  /// Takes the next available chain and returns its head; nil if there is none.
  ///
  /// - Throws: availableIndexJump or headOutOfRange; the queue cannot be used any more then.
  @inline(__always)
  mutating func takeHead() throws(VirtqueueError) -> UInt16? {
    if nextAvailable == knownAvailable {
      // Pairs with the driver's barrier before it advances the index: descriptors and heads are visible.
      let index = areas.availableIndex
      guard index != nextAvailable else { return nil }
      guard index &- nextAvailable <= size else {
        throw .availableIndexJump(from: nextAvailable, to: index)
      }
      knownAvailable = index
    }
    let head = areas.availableHead(at: nextAvailable)
    guard head < size else { throw .headOutOfRange(head) }
    nextAvailable &+= 1
    return head
  }

  /// Completes the chain at `head`, with `byteCount` bytes written to it; ``publish()`` makes that visible to the driver.
  @inline(__always)
  mutating func putUsed(head: UInt16, byteCount: UInt32) {
    areas.storeUsed(at: nextUsed, head: head, byteCount: byteCount)
    nextUsed &+= 1
  }

  /// Makes completed chains visible to the driver.
  ///
  /// - Returns: whether the driver wants an interrupt for them.
  @inline(__always)
  mutating func publish() -> Bool {
    guard nextUsed != publishedUsed else { return false }
    let old = publishedUsed
    areas.publishUsed(nextUsed)
    publishedUsed = nextUsed
    // The index must be stored before the driver's request is read, because the driver writes its request, then reads the
    // index.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard usesEventIndex else {
      return areas.availableFlags & Self.doNotSignal == 0
    }
    let event = areas.usedEvent
    return nextUsed &- event &- 1 < nextUsed &- old
  }

  /// Asks the driver not to notify: by the flag, or by an available event that lies behind.
  @inline(__always)
  mutating func suppressNotifications() {
    if usesEventIndex {
      let lag = nextAvailable &- availableEvent
      if lag == 0 || lag > Self.availableEventLag { setAvailableEvent(nextAvailable &- 1) }
    } else if usedFlags == 0 {
      usedFlags = Self.doNotSignal
      areas.storeUsedFlags(usedFlags)
    }
  }

  /// Asks the driver to notify from the next chain on.
  ///
  /// - Returns: false if a chain is there already, for which the driver may not have notified.
  mutating func requestNotifications() -> Bool {
    if usesEventIndex {
      setAvailableEvent(nextAvailable)
    } else {
      usedFlags = 0
      areas.storeUsedFlags(usedFlags)
    }
    // The request must be stored before the index is read, because the driver writes the index, then reads the request.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return areas.availableIndex == nextAvailable
  }

  private mutating func setAvailableEvent(_ index: UInt16) {
    availableEvent = index
    areas.storeAvailableEvent(index)
  }
}
