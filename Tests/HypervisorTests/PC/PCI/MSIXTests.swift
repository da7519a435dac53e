import Hypervisor
import Synchronization
import SystemPackage
import Testing

/// Masking and pending bits of MSI-X (PCI Local Bus 3.0 §6.8.2), with a router that records its messages.
@Suite struct MSIXTests {
  private final class Router: MessageInterruptRouter {
    struct Log: Equatable {
      var descriptors: [Int32] = []
      var messages: [[UInt64]] = []
      var removed: [UInt32] = []
    }

    private let state = Mutex(Log())
    private let refusesMessages: Bool

    init(refusesMessages: Bool = false) { self.refusesMessages = refusesMessages }

    var log: Log { state.withLock { $0 } }

    func addRoute(eventDescriptor: Int32) throws(Errno) -> UInt32 {
      try state.withLock { (log) throws(Errno) in
        guard log.descriptors.count < 100 else { throw .noSpace }
        log.descriptors.append(eventDescriptor)
        return UInt32(log.descriptors.count - 1)
      }
    }

    func setMessage(_ message: InterruptMessage, ofRoute route: UInt32) throws(Errno) {
      guard !refusesMessages else { throw .invalidArgument }
      state.withLock { $0.messages.append([UInt64(route), message.address, UInt64(message.data)]) }
    }

    func removeRoute(_ route: UInt32, eventDescriptor: Int32) {
      state.withLock { $0.removed.append(route) }
    }

    /// How often `vector` fired since the last call.
    func take(_ vector: Int) -> UInt64 { VirtioEventRecorder.take(log.descriptors[vector]) }
  }

  private let router: Router
  private let table: MSIXTable
  private let space: PCIConfigurationSpace

  init() throws {
    (router, table, space) = try Self.make(Router())
  }

  private static func make(_ router: Router) throws -> (Router, MSIXTable, PCIConfigurationSpace) {
    let table = try MSIXTable(vectorCount: 70, router: router)
    let space = PCIConfigurationSpace(
      identity: PCIIdentity(vendor: 1, device: 2, classCode: 3), bars: [:], msix: (bar: 0, table: table))
    return (router, table, space)
  }

  /// Writes the control word: bit 15 enables, bit 14 masks all.
  private func setControl(_ value: UInt32) { space.write(0x42, byteCount: 2, value: value) }

  private func program(_ vector: UInt64, masked: Bool = false) {
    table.write(offset: vector * 16, byteCount: 8, value: 0xFEE0_0000)
    table.write(offset: vector * 16 + 8, byteCount: 4, value: 0x40 + vector)
    table.write(offset: vector * 16 + 12, byteCount: 4, value: masked ? 1 : 0)
  }

  private func pending(_ word: UInt64) -> UInt64 {
    table.read(offset: MSIXTable.pendingOffset + word * 8, byteCount: 8)
  }

  @Test func `vectors start masked and without a message`() {
    for vector in 0..<70 as Range<UInt64> {
      #expect(table.read(offset: vector * 16, byteCount: 8) == 0)
      #expect(table.read(offset: vector * 16 + 8, byteCount: 8) == 1 << 32)
    }
    #expect(table.read(offset: 70 * 16, byteCount: 8) == 0)
    #expect(router.log.messages.isEmpty)
  }

  @Test func `a vector fires while it is unmasked and MSI-X is enabled`() {
    program(3)
    table.raise(3)
    #expect(router.take(3) == 0)
    #expect(pending(0) == 1 << 3)
    setControl(0x8000)
    #expect(router.log.messages == [[3, 0xFEE0_0000, 0x43]])
    #expect(router.take(3) == 1)
    #expect(pending(0) == 0)
    table.raise(3)
    table.raise(3)
    #expect(router.take(3) == 2)
  }

  @Test func `a masked vector is pending, in its bit of the right word, and fires once when it is unmasked`()
  {
    setControl(0x8000)
    for vector in [0, 31, 32, 63, 64, 69] as [UInt64] { program(vector, masked: true) }
    for vector in [0, 31, 32, 63, 64, 69] as [UInt16] {
      table.raise(vector)
      table.raise(vector)
    }
    #expect(pending(0) == 0x8000_0001_8000_0001)
    #expect(pending(1) == 1 | 1 << 5)
    #expect(table.read(offset: MSIXTable.pendingOffset + 4, byteCount: 4) == 0x8000_0001)
    table.write(offset: 69 * 16 + 12, byteCount: 4, value: 0)
    #expect(router.take(69) == 1)
    #expect(pending(1) == 1)
    #expect(router.take(64) == 0)
  }

  @Test func `the function's mask holds all vectors back`() {
    setControl(0xC000)
    program(1)
    program(2)
    table.raise(1)
    table.raise(2)
    #expect(router.take(1) == 0)
    #expect(pending(0) == 0b110)
    setControl(0x8000)
    #expect(router.take(1) == 1)
    #expect(router.take(2) == 1)
    #expect(pending(0) == 0)
  }

  @Test func `a message that changes while its vector is unmasked reaches the router`() {
    setControl(0x8000)
    program(1)
    table.write(offset: 16 + 8, byteCount: 4, value: 0x99)
    #expect(router.log.messages.last == [1, 0xFEE0_0000, 0x99])
  }

  @Test func `a message that the router refuses leaves its vector silent`() throws {
    let (router, table, space) = try Self.make(Router(refusesMessages: true))
    space.write(0x42, byteCount: 2, value: 0x8000)
    table.write(offset: 12, byteCount: 4, value: 0)
    table.raise(0)
    #expect(router.take(0) == 0)
    #expect(table.read(offset: MSIXTable.pendingOffset, byteCount: 8) == 1)
  }

  @Test func `pending bits cannot be written, and odd accesses do nothing`() {
    table.write(offset: MSIXTable.pendingOffset, byteCount: 8, value: .max)
    #expect(pending(0) == 0)
    for (offset, byteCount) in [(0, 1), (0, 2), (2, 4), (4, 8), (1, 8)] as [(UInt64, Int)] {
      table.write(offset: offset, byteCount: byteCount, value: .max)
      #expect(table.read(offset: offset, byteCount: byteCount) == 0)
    }
    #expect(table.read(offset: 0, byteCount: 8) == 0)
  }

  @Test func `vectors that do not exist are ignored`() {
    table.raise(70)
    table.raise(0xFFFF)
    #expect(pending(0) == 0)
    #expect(pending(1) == 0)
  }

  @Test func `each vector has a route of its own, which ends with the table`() throws {
    let router = Router()
    do {
      let table = try MSIXTable(vectorCount: 4, router: router)
      #expect(table.vectorCount == 4)
      #expect(Set(router.log.descriptors).count == 4)
    }
    #expect(router.log.removed.sorted() == [0, 1, 2, 3])
  }

  @Test func `a table has 1 to 128 vectors, and needs a route for each`() {
    for count in [0, -1, 129] {
      #expect(throws: Errno.invalidArgument) { try MSIXTable(vectorCount: count, router: Router()) }
    }
    let router = Router()
    #expect(throws: Errno.noSpace) { try MSIXTable(vectorCount: 101, router: router) }
    #expect(router.log.removed.count == 100)
  }
}
