import Hypervisor
import SystemPackage
import TestSupport
import Testing
import VextProtocol

/// A block device in a machine without vCPUs: a temporary disk, a PCI host, and a driver that has just started it.
final class VirtioBlockFixture {
  /// Request types (virtio 1.2 §5.2.6).
  enum Request {
    static let `in`: UInt32 = 0
    static let out: UInt32 = 1
    static let flush: UInt32 = 4
    static let getID: UInt32 = 8
    static let discard: UInt32 = 11
    static let writeZeroes: UInt32 = 13
  }

  /// A request's answer.
  struct Answer: Equatable {
    var status: UInt8
    var usedByteCount: UInt32
    var data: [UInt8]
  }

  static let diskByteCount = 1 << 17
  static let memoryByteCount: UInt64 = 8 << 20
  static let indirectFeature: UInt64 = 1 << 28
  static let eventIndexFeature: UInt64 = 1 << 29
  static let version1Feature: UInt64 = 1 << 32
  /// Where requests of the fixture have their parts.
  static let header: UInt64 = 0x20_0000
  static let status: UInt64 = 0x20_0800
  static let indirectTable: UInt64 = 0x20_1000
  static let data: UInt64 = 0x30_0000

  let disk: VirtioTemporaryDisk
  let memory: GuestMemory
  let servers: [SteppedQueueServer]
  let recorder = VirtioEventRecorder()
  let lines = InterruptLineRecorder()
  let memoryBus = AddressBus()
  let portBus = AddressBus()
  let function: VirtioPCI
  let block: VirtioBlock
  let driver: FakeVirtioDriver
  var queues: [FakeVirtqueue] = []
  private let features: UInt64
  private let queueSize: UInt16

  /// - Parameter thread: serves the queues instead of servers that the test steps through.
  init(
    engine: BlockEngineKind = .sync, queueCount: Int = 1, queueSize: UInt16 = 16, serverCount: Int = 1,
    polling: Bool = false, readOnly: Bool = false, direct: Bool = false, engineCapacity: Int = 256,
    thread: (any IOQueueServer)? = nil, usesIOEventFD: Bool = true,
    features: UInt64 = version1Feature | indirectFeature | eventIndexFeature
  ) throws {
    disk = VirtioTemporaryDisk(byteCount: Self.diskByteCount)
    memory = try GuestMemory(byteCount: Self.memoryByteCount)
    servers = try (0..<serverCount).map { _ in
      try SteppedQueueServer(engine: engine, polling: polling, capacity: engineCapacity)
    }
    let image = try DiskImage(path: disk.path, readOnly: readOnly, direct: direct)
    block = VirtioBlock(
      disk: image, queueCount: queueCount, queueDepth: 256, memory: memory,
      servers: thread.map { [$0] } ?? servers)
    function = try VirtioPCI(
      device: block, memory: memory, router: recorder, usesIOEventFD: usesIOEventFD)
    driver = try FakeVirtioDriver(
      of: function, bus: memoryBus, portBus: portBus, recorder: recorder, lines: lines)
    self.features = features
    self.queueSize = queueSize
    try start()
  }

  deinit { function.shutDown() }

  /// Resets the device and sets all queues up again.
  func start() throws {
    try driver.negotiate(features)
    let count = Int(driver.read(FakeVirtioDriver.Common.queueCount, byteCount: 2))
    queues = try (0..<count).map { index in
      try FakeVirtqueue(
        memory: memory, base: 0x1_0000 * UInt64(index + 1), size: queueSize,
        usesEventIndex: features & Self.eventIndexFeature != 0)
    }
    for (index, queue) in queues.enumerated() { driver.enable(index, queue.layout) }
    driver.start()
  }

  func serveAll() { for server in servers { server.serveAll() } }

  /// Whether the device asks for a reset.
  var needsReset: Bool { driver.status & FakeVirtioDriver.Status.needsReset != 0 }

  func writeHeader(_ type: UInt32, sector: UInt64, at address: UInt64 = header) throws {
    try Self.writeHeader(type, sector: sector, at: address, to: memory)
  }

  /// Writes a request's header (virtio 1.2 §5.2.6).
  static func writeHeader(
    _ type: UInt32, sector: UInt64, at address: UInt64 = header, to memory: GuestMemory
  ) throws {
    try memory.store(type, at: GuestAddress(address))
    try memory.store(0 as UInt32, at: GuestAddress(address + 4))
    try memory.store(sector, at: GuestAddress(address + 8))
  }

  /// Makes one request of up to three descriptors available, and returns its answer, if any.
  func request(
    _ type: UInt32, sector: UInt64 = 0, out: [UInt8] = [], inByteCount: Int = 0, queue: Int = 0,
    indirect: Bool = false
  ) throws -> Answer? {
    try writeHeader(type, sector: sector)
    try memory.write(out, at: GuestAddress(Self.data))
    let readable: [(UInt64, UInt32)] =
      [(Self.header, 16)] + (out.isEmpty ? [] : [(Self.data, UInt32(out.count))])
    let writable: [(UInt64, UInt32)] =
      (inByteCount == 0 ? [] : [(Self.data, UInt32(inByteCount))]) + [(Self.status, 1)]
    if indirect {
      try queues[queue].describeChain(
        0, readable: readable, writable: writable, table: GuestAddress(Self.indirectTable))
      try queues[queue].describe(
        0, Self.indirectTable, UInt32(readable.count + writable.count) * 16, FakeVirtqueue.Flag.indirect)
    } else {
      try queues[queue].describeChain(0, readable: readable, writable: writable)
    }
    return try submit(head: 0, queue: queue, inByteCount: inByteCount)
  }

  /// Makes the chain at `head` available and serves it.
  func submit(head: UInt16, queue: Int = 0, inByteCount: Int = 0) throws -> Answer? {
    try memory.store(0xEE as UInt8, at: GuestAddress(Self.status))
    try queues[queue].offer(head)
    serveAll()
    guard let used = try queues[queue].takeUsed() else { return nil }
    #expect(used.head == UInt32(head))
    return Answer(
      status: try memory.load(UInt8.self, at: GuestAddress(Self.status)), usedByteCount: used.byteCount,
      data: try memory.read(inByteCount, at: GuestAddress(Self.data)))
  }

  /// A range of DISCARD and WRITE_ZEROES.
  static func range(sector: UInt64, sectorCount: UInt32, flags: UInt32 = 0) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: sector >> UInt64($0 * 8)) }
      + (0..<4).map { UInt8(truncatingIfNeeded: sectorCount >> UInt32($0 * 8)) }
      + (0..<4).map { UInt8(truncatingIfNeeded: flags >> UInt32($0 * 8)) }
  }
}
