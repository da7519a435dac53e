import CLinux
import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// A network device in a machine without vCPUs: ports whose other ends a test holds, and a driver that has just started it.
final class VirtioNetFixture {
  /// Feature bits (virtio 1.2 §5.1.3).
  enum Feature {
    static let mergeableBuffers: UInt64 = 1 << 15
    static let controlQueue: UInt64 = 1 << 17
    static let multiqueue: UInt64 = 1 << 22
    static let version1: UInt64 = 1 << 32
  }

  /// Where buffers are: 64 KiB for each head of each queue.
  static let buffers: UInt64 = 0x100_0000
  static let queueSize: UInt16 = 16
  static let headerByteCount = 12

  let memory: GuestMemory
  let thread: DeviceThread
  let peers: [FramePort]
  let device: VirtioNet
  let recorder = VirtioEventRecorder()
  let lines = InterruptLineRecorder()
  let memoryBus = AddressBus()
  let portBus = AddressBus()
  let function: VirtioPCI
  let driver: FakeVirtioDriver
  let logged = LogRecorder()
  var queues: [FakeVirtqueue] = []
  private let features: UInt64

  /// - Parameters:
  ///   - ports: what the device is over; nil: socket pairs.
  ///   - vhost: the vhost driver of each pair; empty: the device thread serves the pairs.
  ///   - features: what the driver accepts of what is offered.
  init(
    pairCount: Int = 1, ports: [FramePort]? = nil, mtu: UInt16? = nil, vhost: [FakeVhostDriver] = [],
    features: UInt64 = Feature.version1 | Feature.controlQueue | Feature.multiqueue
  ) throws {
    memory = try GuestMemory(byteCount: 64 << 20)
    thread = try DeviceThread(name: "net-test")
    let pairs = try (0..<(ports == nil ? pairCount : 0)).map { _ in try FramePort.socketPair() }
    peers = pairs.map(\.peer)
    let used = ports ?? pairs.map(\.port)
    var frontEnds: [VhostFrontEnd] = []
    for (index, driver) in vhost.enumerated() {
      frontEnds.append(
        try VirtioNet.frontEnd(
          driver, index, used[index], memory: memory, thread: thread, log: logged.log("test:")))
    }
    device = VirtioNet(
      ports: used, address: .guestDefault(index: 0), mtu: mtu, queueDepth: 256, memory: memory,
      threads: [thread], frontEnds: frontEnds)
    function = try VirtioPCI(device: device, memory: memory, router: recorder)
    driver = try FakeVirtioDriver(
      of: function, bus: memoryBus, portBus: portBus, recorder: recorder, lines: lines)
    self.features = features
    try start()
  }

  deinit {
    function.shutDown()
    thread.stop()
  }

  /// Resets the device and sets all queues up again.
  func start() throws {
    let offered = driver.offeredFeatures()
    try driver.negotiate(features & offered)
    let count = Int(driver.read(FakeVirtioDriver.Common.queueCount, byteCount: 2))
    queues = try (0..<count).map { index in
      try FakeVirtqueue(
        memory: memory, base: 0x1_0000 * UInt64(index + 1), size: Self.queueSize, usesEventIndex: false)
    }
    for (index, queue) in queues.enumerated() { driver.enable(index, queue.layout) }
    driver.start()
  }

  /// Whether the device asks for a reset.
  var needsReset: Bool { driver.status & FakeVirtioDriver.Status.needsReset != 0 }

  /// The buffer of head `head` of queue `queue`.
  static func buffer(_ queue: Int, _ head: UInt16) -> UInt64 {
    buffers + UInt64(queue) << 21 + UInt64(head) << 16
  }

  /// Makes a chain of one buffer available for receiving, and notifies.
  func offerReceive(_ head: UInt16, byteCount: UInt32, queue: Int = 0) throws {
    try queues[queue].describeChain(head, readable: [], writable: [(Self.buffer(queue, head), byteCount)])
    if try queues[queue].offer(head) { driver.kick(queue) }
  }

  /// Makes a frame behind a header of zeros available for sending, and notifies.
  func offerTransmit(_ frame: [UInt8], head: UInt16 = 0, queue: Int = 1) throws {
    let bytes = [UInt8](repeating: 0, count: Self.headerByteCount) + frame
    try memory.write(bytes, at: GuestAddress(Self.buffer(queue, head)))
    try queues[queue].describeChain(
      head, readable: [(Self.buffer(queue, head), UInt32(bytes.count))], writable: [])
    if try queues[queue].offer(head) { driver.kick(queue) }
  }

  /// Makes a command available, waits for its answer, and returns it; nil where there is none.
  func command(_ bytes: [UInt8], statusByteCount: UInt32 = 1, queue: Int = 2) throws -> UInt8? {
    let status = Self.buffer(queue, 1)
    try memory.write(bytes, at: GuestAddress(Self.buffer(queue, 0)))
    try memory.store(0xEE as UInt8, at: GuestAddress(status))
    try queues[queue].describeChain(
      0, readable: bytes.isEmpty ? [] : [(Self.buffer(queue, 0), UInt32(bytes.count))],
      writable: statusByteCount == 0 ? [] : [(status, statusByteCount)])
    if try queues[queue].offer(0) { driver.kick(queue) }
    guard let used = try waitForUsed(queue) else { return nil }
    return used.byteCount == 0 ? nil : try memory.load(UInt8.self, at: GuestAddress(status))
  }

  /// Waits up to ten seconds for the next chain that comes back.
  func waitForUsed(_ queue: Int) throws -> FakeVirtqueue.Used? {
    for _ in 0..<10_000 {
      if let used = try queues[queue].takeUsed() { return used }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    return nil
  }

  /// Lets the device's thread finish what it was notified of, and returns what came back then.
  func settledUsed(_ queue: Int) throws -> FakeVirtqueue.Used? {
    for _ in 0..<20 {
      HostClock.sleep(nanoseconds: 1_000_000)
      thread.run {}
    }
    return try queues[queue].takeUsed()
  }

  /// The first bytes of head `head`'s buffer.
  func received(_ byteCount: Int, head: UInt16, queue: Int = 0) throws -> [UInt8] {
    try memory.read(byteCount, at: GuestAddress(Self.buffer(queue, head)))
  }

  /// Bytes that differ from their neighbours.
  static func frame(_ byteCount: Int, seed: UInt8 = 1) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) &+ seed }
  }
}
