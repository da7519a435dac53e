import Glibc
import Testing
import VextProtocol

@testable import Hypervisor

/// The device's end of the ring on its own.
@Suite struct VirtqueueTests {
  private static let base: UInt64 = 0x1_0000

  private static func make(
    size: UInt16, eventIndex: Bool = false
  ) throws -> (GuestMemory, FakeVirtqueue, Virtqueue) {
    let memory = try GuestMemory(byteCount: 1 << 20)
    let driver = try FakeVirtqueue(memory: memory, base: base, size: size, usesEventIndex: eventIndex)
    let features: VirtioFeatures = eventIndex ? [.eventIndex, .indirectDescriptors] : .indirectDescriptors
    return (memory, driver, try Virtqueue(driver.layout, features: features, memory: memory))
  }

  @Test(arguments: [0, 3, 24, 0xFFFF] as [UInt16])
  func `a size that is not a power of two is refused`(size: UInt16) throws {
    let memory = try GuestMemory(byteCount: 1 << 20)
    #expect(throws: VirtqueueError.invalidSize(size)) {
      _ = try Virtqueue(VirtqueueLayout(size: size), features: [], memory: memory)
    }
  }

  @Test(arguments: [
    VirtqueueLayout(size: 8, descriptorTable: GuestAddress(8)),
    VirtqueueLayout(size: 8, descriptorTable: GuestAddress((1 << 20) - 112)),
    VirtqueueLayout(size: 8, descriptorTable: GuestAddress(UInt64.max - 15)),
    VirtqueueLayout(size: 8, availableRing: GuestAddress(1)),
    VirtqueueLayout(size: 8, availableRing: GuestAddress((1 << 20) - 20)),
    VirtqueueLayout(size: 8, usedRing: GuestAddress(2)),
    VirtqueueLayout(size: 8, usedRing: GuestAddress((1 << 20) - 64)),
  ])
  func `an area that is misaligned or passes the end of RAM is refused`(layout: VirtqueueLayout) throws {
    let memory = try GuestMemory(byteCount: 1 << 20)
    #expect {
      _ = try Virtqueue(layout, features: [], memory: memory)
    } throws: { error in
      guard case VirtqueueError.invalidRing(let address) = error else { return false }
      return address.rawValue != 0
    }
  }

  @Test func `areas that end with RAM are accepted`() throws {
    let memory = try GuestMemory(byteCount: 1 << 20)
    let layout = VirtqueueLayout(
      size: 8, descriptorTable: GuestAddress((1 << 20) - 128), availableRing: GuestAddress((1 << 20) - 22),
      usedRing: GuestAddress((1 << 20) - 72))
    let queue = try Virtqueue(layout, features: [], memory: memory)
    #expect(queue.size == 8)
  }

  @Test func `chains come and go in order while the indices wrap around`() throws {
    var (memory, driver, queue) = try Self.make(size: 4)
    for turn in 0..<70_000 {
      let head = UInt16(turn & 3)
      let used = FakeVirtqueue.Used(head: UInt32(head), byteCount: UInt32(turn))
      try driver.offer(head)
      guard try queue.takeHead() == head, try queue.takeHead() == nil else {
        Issue.record("chain \(turn) did not come once")
        return
      }
      queue.putUsed(head: head, byteCount: UInt32(turn))
      guard try driver.takeUsed() == nil, queue.publish(), try driver.takeUsed() == used else {
        Issue.record("chain \(turn) did not go when it was published")
        return
      }
    }
    withExtendedLifetime(memory) {}
  }

  @Test func `nothing to publish wants no interrupt`() throws {
    var (memory, _, queue) = try Self.make(size: 4)
    #expect(queue.publish() == false)
    withExtendedLifetime(memory) {}
  }

  @Test func `NO_INTERRUPT keeps the interrupt away until it is cleared`() throws {
    var (memory, driver, queue) = try Self.make(size: 4)
    try driver.setNoInterrupt(true)
    queue.putUsed(head: 0, byteCount: 0)
    #expect(queue.publish() == false)
    try driver.setNoInterrupt(false)
    queue.putUsed(head: 0, byteCount: 0)
    #expect(queue.publish() == true)
    withExtendedLifetime(memory) {}
  }

  @Test func `an interrupt is wanted exactly when the used index passes the used event`() throws {
    var (memory, driver, queue) = try Self.make(size: 4, eventIndex: true)
    try driver.setUsedEvent(2)
    for expected in [false, false, true, false, false] {
      queue.putUsed(head: 0, byteCount: 0)
      #expect(queue.publish() == expected)
    }
    try driver.setUsedEvent(6)
    for _ in 0..<3 { queue.putUsed(head: 0, byteCount: 0) }
    #expect(queue.publish() == true)
    withExtendedLifetime(memory) {}
  }

  @Test func `the used event works across the wrap of the index`() throws {
    var (memory, driver, queue) = try Self.make(size: 4, eventIndex: true)
    try driver.setUsedEvent(0)
    var interrupts = 0
    for _ in 0..<0x1_0000 + 1 {
      queue.putUsed(head: 0, byteCount: 0)
      if queue.publish() { interrupts += 1 }
    }
    #expect(interrupts == 2)
    withExtendedLifetime(memory) {}
  }

  @Test(arguments: [false, true])
  func `a driver notifies after the queue asked for it, and not before`(eventIndex: Bool) throws {
    var (memory, driver, queue) = try Self.make(size: 4, eventIndex: eventIndex)
    queue.suppressNotifications()
    #expect(try !driver.offer(0))
    #expect(queue.requestNotifications() == false)
    #expect(try queue.takeHead() == 0)
    #expect(queue.requestNotifications() == true)
    #expect(try driver.offer(1))
    #expect(queue.requestNotifications() == false)
    withExtendedLifetime(memory) {}
  }

  @Test(arguments: [false, true])
  func `suppressed notifications stay so over many laps`(eventIndex: Bool) throws {
    var (memory, driver, queue) = try Self.make(size: 8, eventIndex: eventIndex)
    queue.suppressNotifications()
    var wanted = 0
    for turn in 0..<100_000 {
      let batch = [UInt16](repeating: 0, count: 1 + turn % 8)
      if try driver.offer(batch) { wanted += 1 }
      var taken = 0
      while try queue.takeHead() != nil { taken += 1 }
      guard taken == batch.count else {
        Issue.record("took \(taken) of \(batch.count) chains")
        return
      }
      queue.suppressNotifications()
    }
    #expect(wanted == 0)
    withExtendedLifetime(memory) {}
  }

  @Test(arguments: [0x8000, 0x8008, 0x8001, 0x8007] as [UInt64])
  func `an indirect table of any alignment is read`(table: UInt64) throws {
    let (memory, driver, queue) = try Self.make(size: 4)
    try driver.describeChain(
      0, readable: [(0x100, 16), (0x4_0000, 0), (0x200, 512)], writable: [(0x400, 7)],
      table: GuestAddress(table))
    try driver.describe(1, table, 64, FakeVirtqueue.Flag.indirect | FakeVirtqueue.Flag.write)
    let table = try FixedTable<IOVector>(emptyVectors: 4)
    let chain = try queue.readChain(head: 1, into: table.vectors(from: 0, count: 4))
    #expect(chain.readableVectorCount == 2)
    #expect(chain.readableByteCount == 528)
    #expect(chain.writableVectorCount == 1)
    #expect(chain.writableByteCount == 7)
    let (second, third) = (table[1], table[2])
    #expect(second.address == memory.map.vector(GuestAddress(0x200), byteCount: 512)?.address)
    #expect(third.byteCount == 7)
  }
}
