import Hypervisor
import SystemPackage
import TestSupport
import Testing
import VextProtocol

/// A legacy block device in a machine without vCPUs, and a driver that has just started it.
final class VirtioLegacyFixture {
  static let indirectFeature: UInt64 = 1 << 28
  static let eventIndexFeature: UInt64 = 1 << 29
  /// The first queue's page; each has eight.
  static let firstPage: UInt32 = 0x10

  let disk = VirtioTemporaryDisk(byteCount: VirtioBlockFixture.diskByteCount)
  let memory: GuestMemory
  let server: SteppedQueueServer
  let recorder = VirtioEventRecorder()
  let lines = InterruptLineRecorder()
  let memoryBus = AddressBus()
  let portBus = AddressBus()
  let function: VirtioPCI
  let driver: FakeLegacyDriver
  var queues: [FakeVirtqueue] = []
  private let features: UInt64
  private let queueCount: Int

  init(queueCount: Int = 1, features: UInt64 = indirectFeature | eventIndexFeature) throws {
    memory = try GuestMemory(byteCount: VirtioBlockFixture.memoryByteCount)
    server = try SteppedQueueServer(engine: .sync, polling: false, capacity: 256)
    let image = try DiskImage(path: disk.path, readOnly: false, direct: false)
    let block = VirtioBlock(
      disk: image, queueCount: queueCount, queueDepth: 256, memory: memory, servers: [server])
    function = try VirtioPCI(device: block, memory: memory, router: recorder, transport: .legacy)
    let host = PCIHost(
      memoryBus: memoryBus, portBus: portBus, registrar: recorder, interruptLine: lines.line)
    try host.add(function)
    driver = FakeLegacyDriver(ports: portBus, host: host)
    self.features = features
    self.queueCount = queueCount
    try start()
  }

  deinit { function.shutDown() }

  /// Resets the device and sets all queues up again.
  func start() throws {
    driver.negotiate(features)
    queues = []
    for index in 0..<queueCount {
      let page = Self.firstPage + UInt32(index) * 8
      queues.append(
        try FakeVirtqueue(
          memory: memory, layout: VirtqueueLayout(size: 256, legacyPage: page),
          usesEventIndex: features & Self.eventIndexFeature != 0))
      driver.enable(index, page: page)
    }
    driver.start()
  }

  /// Makes one request available, serves it, and returns its status, or nil where there is no answer.
  func request(_ type: UInt32, sector: UInt64 = 0, inByteCount: Int = 0, queue: Int = 0) throws -> UInt8? {
    let (header, status) = (VirtioBlockFixture.header, VirtioBlockFixture.status)
    try memory.store(type, at: GuestAddress(header))
    try memory.store(sector, at: GuestAddress(header + 8))
    try memory.store(0xEE as UInt8, at: GuestAddress(status))
    let data = inByteCount == 0 ? [] : [(VirtioBlockFixture.data, UInt32(inByteCount))]
    try queues[queue].describeChain(0, readable: [(header, 16)], writable: data + [(status, 1)])
    try queues[queue].offer(0)
    server.serveAll()
    guard try queues[queue].takeUsed() != nil else { return nil }
    return try memory.load(UInt8.self, at: GuestAddress(status))
  }
}
