import HostSystem
import VextProtocol

@testable import Hypervisor

/// A guest's memory, a disk, and a vext device with fake drivers for its queues.
final class VextFixture {
  static let memoryByteCount: UInt64 = 8 << 20
  static let diskByteCount = 1 << 20
  /// Where tests keep data.
  static let data: UInt64 = 0x10_0000
  /// Where tests keep segment lists.
  static let list: UInt64 = 0x8_0000

  let disk: VirtioTemporaryDisk
  let image: DiskImage
  let memory: GuestMemory
  let device: VextDevice
  let drivers: [FakeVextDriver]
  /// Where interrupts go: vector `i` is queue `i`'s.
  let recorder = VirtioEventRecorder()

  /// A device whose queues, all enabled unless told otherwise, are served by `server`.
  convenience init(
    server: any IOQueueServer, queueCount: Int = 1, depth: UInt32 = 16, readOnly: Bool = false,
    enables: Bool = true, accepting features: VextFeatures? = nil, contention: CPUContention? = nil,
    log: LogWriter = .shared
  ) throws {
    try self.init(
      servers: [server], queueCount: queueCount, depth: depth, readOnly: readOnly, enables: enables,
      accepting: features, contention: contention, log: log)
  }

  /// A device whose queues, all enabled unless told otherwise, are served by `servers` in turn.
  ///
  /// - Parameters:
  ///   - features: what the driver accepts of a device that offers sleep and wake; nil: it offers nothing.
  ///   - contention: what such a device publishes; nil: it does not offer CONTENTION.
  ///   - log: where a device that offers nothing leaves its messages.
  init(
    servers: [any IOQueueServer], queueCount: Int = 1, depth: UInt32 = 16, readOnly: Bool = false,
    enables: Bool = true, accepting features: VextFeatures? = nil, contention: CPUContention? = nil,
    log: LogWriter = .shared
  ) throws {
    let disk = VirtioTemporaryDisk(byteCount: Self.diskByteCount)
    let image = try DiskImage(path: disk.path, readOnly: readOnly, direct: false)
    let memory = try GuestMemory(byteCount: Self.memoryByteCount)
    let device =
      if features == nil {
        VextDevice(
          log: VextLog(device: "test", writer: log), disk: image, queueCount: queueCount, memory: memory,
          servers: servers, countsRequests: true)
      } else {
        try VextDevice(
          name: "test", disk: image, queueCount: queueCount, memory: memory, servers: servers,
          interruptRouter: recorder, contention: contention, countsRequests: true)
      }
    self.disk = disk
    self.image = image
    self.memory = memory
    self.device = device
    drivers = (0..<queueCount).map {
      FakeVextDriver(
        device: device, memory: memory, queue: UInt16($0), depth: depth,
        ringBase: 0x1_0000 + UInt64($0) * 0x2_0000)
    }
    if let features { negotiate(features) }
    if enables { for driver in drivers { try driver.enable() } }
  }

  deinit { device.shutDown() }

  /// Accepts `features`, gives each queue a wake block and unmasks its interrupt.
  private func negotiate(_ features: VextFeatures) {
    device.writeBAR(0, offset: VextRegister.driverFeatures, byteCount: 8, value: features.rawValue)
    guard let interrupts = device.configuration.msix else { return }
    interrupts.setControl(enabled: true, masked: false)
    for queue in 0..<UInt64(drivers.count) {
      interrupts.write(offset: queue * 16, byteCount: 8, value: 0xFEE0_0000)
      interrupts.write(offset: queue * 16 + 8, byteCount: 8, value: 0x40)
    }
    if features.isEmpty { return }
    for driver in drivers { driver.wakeBlock = driver.submissionRing + 0x1_8000 }
  }

  var driver: FakeVextDriver { drivers[0] }

  /// Runs `body` with a fixture on a polling I/O thread, which it ends.
  static func withThread(
    engine: BlockEngineKind = .sync, queueCount: Int = 1, depth: UInt32 = 16, readOnly: Bool = false,
    _ body: (VextFixture) throws -> Void
  ) throws {
    let thread = try IOThread(name: "vext-test", cpus: nil, waiting: .polling, engine: engine)
    defer { thread.stop() }
    try body(VextFixture(server: thread, queueCount: queueCount, depth: depth, readOnly: readOnly))
  }

  /// An entry that transfers `byteCount` bytes between the disk at `offset` and ``data``.
  static func entry(
    _ operation: VextOperation, id: UInt16 = 0, offset: UInt64 = 0, byteCount: UInt32 = 512
  ) -> VextSubmissionEntry {
    VextSubmissionEntry(
      operation: operation.rawValue, id: id, offset: offset,
      segment0: VextSegment(address: GuestAddress(data), byteCount: byteCount))
  }

  /// Writes a segment list to `address` and returns the segment that names it.
  func writeList(_ segments: [VextSegment], at address: UInt64 = VextFixture.list) throws -> VextSegment {
    for (index, segment) in segments.enumerated() {
      let place = address + UInt64(index * VextSegment.encodedByteCount)
      try memory.store(segment.address.rawValue, at: GuestAddress(place))
      try memory.store(
        UInt64(segment.byteCount) | UInt64(segment.reserved) << 32, at: GuestAddress(place + 8))
    }
    return VextSegment(
      address: GuestAddress(address), byteCount: UInt32(segments.count * VextSegment.encodedByteCount))
  }

  /// Copies guest memory out.
  func bytes(_ byteCount: Int, at address: UInt64 = VextFixture.data) throws -> [UInt8] {
    try memory.read(byteCount, at: GuestAddress(address))
  }

  /// Whether the device still answers: reads a block through `driver` and compares it.
  func readsWell(_ driver: FakeVextDriver) throws -> Bool {
    let address = Self.data + 0x20_0000
    try memory.write([UInt8](repeating: 0, count: 512), at: GuestAddress(address))
    let answer = try driver.perform(
      VextSubmissionEntry(
        operation: VextOperation.read.rawValue, id: 1, offset: 0x8000,
        segment0: VextSegment(address: GuestAddress(address), byteCount: 512)))
    return try answer.status == 0 && bytes(512, at: address) == VirtioTemporaryDisk.pattern(0x8000, 512)
  }
}
