import CGuest

/// A worker's virtqueue of a virtio-blk device (virtio 1.2 §2.7, §5.2.6): notified when the device asks for it,
/// answered by interrupt.
struct VirtioBlockDriverQueue: DriverQueue {
  /// A descriptor's flags (§2.7.5).
  enum DescriptorFlag {
    static let next: UInt16 = 1
    static let write: UInt16 = 2
    static let indirect: UInt16 = 4
  }

  /// Request types (§5.2.6).
  private enum RequestType {
    static let read: UInt32 = 0
    static let write: UInt32 = 1
    static let flush: UInt32 = 4
  }

  /// What a request needs beside its data: header (16 bytes), status (1, padded), four descriptors.
  private enum Scratch {
    static let header: UInt64 = 0
    static let status: UInt64 = 16
    static let descriptors: UInt64 = 64
    static let byteCount: UInt64 = 128
  }

  let rings: VirtqueueRings
  private let block: WorkerBlock
  private let index: UInt16
  private let notifyAddress: UInt64
  private let scratch: UInt64
  let canFlush: Bool
  private let mask: UInt16
  private let coalescesInterrupts: Bool
  /// Next value of the available ring's index.
  private(set) var availableIndex: UInt16 = 0
  /// The available index at the last notification.
  private var notifiedIndex: UInt16 = 0
  /// Next entry of the used ring.
  private var usedIndex: UInt16 = 0
  private(set) var kicks: UInt64 = 0

  private var availableIndexAddress: UInt64 { rings.available + 2 }
  private var usedIndexAddress: UInt64 { rings.used + 2 }
  /// Written by the device: notify me when the available index passes this (§2.7.10).
  private var availableEventAddress: UInt64 { rings.used + 4 + UInt64(rings.size) * 8 }
  /// Written by the driver: interrupt me when the used index passes this (§2.7.8).
  private var usedEventAddress: UInt64 { rings.available + 4 + UInt64(rings.size) * 2 }

  init(
    rings: VirtqueueRings, parameters: Parameters, block: WorkerBlock, arena: inout Arena
  ) throws(GuestFailure) {
    self.rings = rings
    self.block = block
    index = UInt16(truncatingIfNeeded: parameters.worker)
    notifyAddress = Handover.notifyAddress(of: parameters.worker)
    canFlush = Handover.canFlush
    mask = rings.size &- 1
    coalescesInterrupts = parameters.coalescesInterrupts
    let byteCount = UInt64(parameters.iodepth) * Scratch.byteCount
    scratch = try arena.take(byteCount, alignment: 4096)
    try zero(scratch, byteCount)
  }

  @inline(__always)
  mutating func submit(_ request: DriverRequest) {
    let own = scratch &+ UInt64(request.id) &* Scratch.byteCount
    let type =
      switch request.operation {
      case .read: RequestType.read
      case .write: RequestType.write
      case .flush: RequestType.flush
      }
    guest_store32(own &+ Scratch.header, type)
    guest_store64(own &+ Scratch.header &+ 8, request.offset &>> 9)

    // Three of the four shapes are an indirect table; two of the four split the data.
    let head = request.id &<< rings.chainShift
    let isDirect = request.shape == 3 && rings.chainShift != 0
    let isSplit = request.shape & 1 != 0 && request.byteCount >= 1024
    let pieces: UInt32 = request.operation == .flush ? 0 : isSplit ? 2 : 1
    let table = isDirect ? rings.descriptors &+ UInt64(head) &* 16 : own &+ Scratch.descriptors
    let first = isDirect ? head : 0
    let count = describe(request, scratch: own, table: table, first: first, pieces: pieces)
    if !isDirect {
      storeDescriptor(
        rings.descriptors &+ UInt64(head) &* 16, address: table, byteCount: count &* 16,
        flags: DescriptorFlag.indirect, next: 0)
    }
    offer(head)
  }

  /// Writes the chain: header, data in `pieces`, status. Returns its length.
  @inline(__always)
  private func describe(
    _ request: DriverRequest, scratch: UInt64, table: UInt64, first: UInt16, pieces: UInt32
  ) -> UInt32 {
    storeDescriptor(
      table, address: scratch &+ Scratch.header, byteCount: 16, flags: DescriptorFlag.next, next: first &+ 1)
    let direction = request.operation == .read ? DescriptorFlag.write : 0
    let piece = pieces == 2 ? request.byteCount / 2 & ~511 : request.byteCount
    var position: UInt32 = 1
    while position <= pieces {
      let start = (position &- 1) &* piece
      let isLast = position == pieces
      storeDescriptor(
        table &+ UInt64(position) &* 16, address: request.buffer &+ UInt64(start),
        byteCount: isLast ? request.byteCount &- start : piece, flags: DescriptorFlag.next | direction,
        next: first &+ UInt16(truncatingIfNeeded: position) &+ 1)
      position &+= 1
    }
    storeDescriptor(
      table &+ UInt64(position) &* 16, address: scratch &+ Scratch.status, byteCount: 1,
      flags: DescriptorFlag.write, next: 0)
    return position &+ 1
  }

  /// Writes the descriptor at `descriptor`.
  @inline(__always)
  func storeDescriptor(
    _ descriptor: UInt64, address: UInt64, byteCount: UInt32, flags: UInt16, next: UInt16
  ) {
    guest_store64(descriptor, address)
    guest_store64(descriptor &+ 8, UInt64(byteCount) | UInt64(flags) &<< 32 | UInt64(next) &<< 48)
  }

  /// Puts the chain that starts at `head` into the available ring (§2.7.13).
  @inline(__always)
  mutating func offer(_ head: UInt16) {
    guest_store16(rings.available &+ 4 &+ UInt64(availableIndex & mask) &* 2, head)
    advanceAvailable(by: 1)
  }

  /// Moves the available ring's index on.
  @inline(__always)
  mutating func advanceAvailable(by count: UInt16) {
    availableIndex = availableIndex &+ count
    guest_store16(availableIndexAddress, availableIndex)
  }

  /// Notifies the device if its event index lies between the last notification and now (§2.7.10).
  @inline(__always)
  mutating func notify() {
    let added = availableIndex &- notifiedIndex
    if added == 0 { return }
    // The index must be visible before the event index is read: the device does the two the other way round.
    guest_fence()
    let event = guest_load16(availableEventAddress)
    if availableIndex &- event &- 1 < added { kick() }
    notifiedIndex = availableIndex
  }

  /// Notifies the device whether it wants to know or not.
  mutating func kick() {
    guest_store16(notifyAddress, index)
    kicks &+= 1
  }

  @inline(__always)
  mutating func poll() throws(GuestFailure) -> BlockAnswer? {
    if guest_load16(usedIndexAddress) == usedIndex { return nil }
    let head = guest_load32(rings.used &+ 4 &+ UInt64(usedIndex & mask) &* 8)
    usedIndex = usedIndex &+ 1
    let id = head &>> UInt32(rings.chainShift)
    guard head < UInt32(rings.size) else {
      throw GuestFailure(reason: .unknownCompletion, detail: UInt64(head))
    }
    // An id beyond iodepth has no status to read; the caller refuses it.
    let status = guest_load8(scratch &+ UInt64(id) &* Scratch.byteCount &+ Scratch.status)
    return BlockAnswer(id: UInt16(truncatingIfNeeded: id), status: UInt16(status))
  }

  /// Asks for an interrupt at the next answer, or when half of what is in flight is answered; looks once more, and sleeps
  /// until one came.
  mutating func waitForAnswer() {
    let seen = block[WorkerWord.interruptCount]
    // As many chains as the rings' indices are apart are in flight.
    let delay = coalescesInterrupts ? (availableIndex &- usedIndex &- 1) / 2 : 0
    guest_store16(usedEventAddress, usedIndex &+ delay)
    // The event index must be visible before the used index is read: the device does the two the other way round.
    guest_fence()
    if guest_load16(usedIndexAddress) == usedIndex { guest_wait_for_interrupt(seen) }
  }
}
