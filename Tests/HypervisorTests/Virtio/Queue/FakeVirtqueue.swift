import Hypervisor
import Synchronization
import VextProtocol

/// The driver's end of a split virtqueue, in guest RAM from `base` on.
struct FakeVirtqueue {
  /// Bits of a descriptor's flags.
  enum Flag {
    static let next: UInt16 = 1
    static let write: UInt16 = 2
    static let indirect: UInt16 = 4
  }

  /// What the device handed back.
  struct Used: Equatable {
    var head: UInt32
    var byteCount: UInt32
  }

  let memory: GuestMemory
  let layout: VirtqueueLayout
  let usesEventIndex: Bool
  private(set) var availableIndex: UInt16 = 0
  private var usedIndex: UInt16 = 0

  /// A zeroed queue. The descriptor table is at `base`, the available ring 4000h further, the used ring 6000h.
  init(memory: GuestMemory, base: UInt64, size: UInt16, usesEventIndex: Bool) throws {
    try self.init(
      memory: memory,
      layout: VirtqueueLayout(
        size: size, descriptorTable: GuestAddress(base), availableRing: GuestAddress(base + 0x4000),
        usedRing: GuestAddress(base + 0x6000)),
      usesEventIndex: usesEventIndex)
  }

  /// A zeroed queue at `layout`.
  init(memory: GuestMemory, layout: VirtqueueLayout, usesEventIndex: Bool) throws {
    self.memory = memory
    self.usesEventIndex = usesEventIndex
    self.layout = layout
    let count = Int(layout.size)
    try memory.write([UInt8](repeating: 0, count: 16 * count), at: layout.descriptorTable)
    try memory.write([UInt8](repeating: 0, count: 6 + 2 * count), at: layout.availableRing)
    try memory.write([UInt8](repeating: 0, count: 6 + 8 * count), at: layout.usedRing)
  }

  private func at(_ ring: GuestAddress, _ offset: Int) -> GuestAddress {
    GuestAddress(ring.rawValue + UInt64(offset))
  }

  /// Writes a descriptor of the table, or of one at `table`.
  func describe(
    _ index: UInt16, _ address: UInt64, _ length: UInt32, _ flags: UInt16, next: UInt16 = 0,
    table: GuestAddress? = nil
  ) throws {
    let place = at(table ?? layout.descriptorTable, Int(index) * 16)
    try memory.store(address, at: place)
    try memory.store(UInt64(length) | UInt64(flags) << 32 | UInt64(next) << 48, at: at(place, 8))
  }

  /// Writes buffers as a chain from descriptor `first` on; the last ones may be written.
  func describeChain(
    _ first: UInt16, readable: [(UInt64, UInt32)], writable: [(UInt64, UInt32)], table: GuestAddress? = nil
  ) throws {
    let buffers = readable.map { ($0, 0 as UInt16) } + writable.map { ($0, Flag.write) }
    for (position, (buffer, flag)) in buffers.enumerated() {
      let index = first + UInt16(position)
      let isLast = position == buffers.count - 1
      try describe(
        index, buffer.0, buffer.1, flag | (isLast ? 0 : Flag.next), next: isLast ? 0 : index + 1, table: table
      )
    }
  }

  /// Makes `heads` available. Returns whether the device wants a notification.
  @discardableResult
  mutating func offer(_ heads: [UInt16]) throws -> Bool {
    let old = availableIndex
    for head in heads {
      try memory.store(head, at: at(layout.availableRing, 4 + Int(availableIndex % layout.size) * 2))
      availableIndex &+= 1
    }
    try memory.store(availableIndex, at: at(layout.availableRing, 2))
    // The index must be out before the device's wish is read (virtio 1.2 §2.7.13.4.1).
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if usesEventIndex {
      let event = try memory.load(UInt16.self, at: at(layout.usedRing, 4 + Int(layout.size) * 8))
      return availableIndex &- event &- 1 < availableIndex &- old
    }
    return try memory.load(UInt16.self, at: layout.usedRing) & 1 == 0
  }

  /// Makes `head` available.
  @discardableResult
  mutating func offer(_ head: UInt16) throws -> Bool { try offer([head]) }

  /// Overwrites the available index.
  mutating func setAvailableIndex(_ index: UInt16) throws {
    availableIndex = index
    try memory.store(index, at: at(layout.availableRing, 2))
  }

  /// Asks for an interrupt when the used index passes `index` (VIRTIO_F_EVENT_IDX).
  func setUsedEvent(_ index: UInt16) throws {
    try memory.store(index, at: at(layout.availableRing, 4 + Int(layout.size) * 2))
  }

  /// Sets VIRTQ_AVAIL_F_NO_INTERRUPT or clears it.
  func setNoInterrupt(_ isSet: Bool) throws {
    try memory.store(UInt16(isSet ? 1 : 0), at: layout.availableRing)
  }

  /// Asks for an interrupt after the next answer (VIRTIO_F_EVENT_IDX).
  ///
  /// - Returns: false where there is one already, of which no interrupt may tell.
  func requestInterrupt() throws -> Bool {
    try setUsedEvent(usedIndex)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return try deviceIndex() == usedIndex
  }

  /// The device's index.
  func deviceIndex() throws -> UInt16 { try memory.load(UInt16.self, at: at(layout.usedRing, 2)) }

  /// Takes the next entry that the device handed back.
  mutating func takeUsed() throws -> Used? {
    guard try deviceIndex() != usedIndex else { return nil }
    let entry = at(layout.usedRing, 4 + Int(usedIndex % layout.size) * 8)
    usedIndex &+= 1
    return Used(
      head: try memory.load(UInt32.self, at: entry), byteCount: try memory.load(UInt32.self, at: at(entry, 4))
    )
  }
}
