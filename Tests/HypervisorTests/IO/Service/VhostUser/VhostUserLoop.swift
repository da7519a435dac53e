import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// A machine without vCPUs whose disk our front end gets from our back end.
final class VhostUserLoop {
  let memory: GuestMemory
  let driver: FakeVirtioDriver
  private let recorder = VirtioEventRecorder()
  private let lines = InterruptLineRecorder()
  private let memoryBus = AddressBus()
  private let function: VirtioPCI
  private var queue: FakeVirtqueue?

  init(_ service: VhostUserService) throws {
    memory = try GuestMemory(byteCount: 8 << 20, isShared: true)
    let device = try VhostUserDevice(
      kind: .block(queueCount: 1, limit: 1), queueSize: 16, memory: memory, log: LogRecorder().log("test:"),
      patienceNanoseconds: 0
    ) { [service = service.service] () throws(Errno) in
      var other: OwnedDescriptor?
      let stream = try DescriptorStream(other: &other)
      guard let other = other.take() else { throw .badFileDescriptor }
      service.addVhostUser(DescriptorStream(adopting: other), disk: "rw")
      return stream
    }
    function = try VirtioPCI(device: device, memory: memory, router: recorder)
    let host = PCIHost(
      memoryBus: memoryBus, portBus: AddressBus(), registrar: recorder, interruptLine: lines.line)
    try host.add(function)
    driver = try FakeVirtioDriver(bus: memoryBus, host: host, recorder: recorder)
  }

  deinit { function.shutDown() }

  func start() throws {
    try driver.negotiate(VhostUserFixture.features)
    let queue = try FakeVirtqueue(memory: memory, base: 0x1_0000, size: 16, usesEventIndex: true)
    driver.enable(0, queue.layout)
    driver.start()
    self.queue = queue
  }

  /// Makes one request of 512 bytes; returns its status, or nil if there is no answer in five seconds.
  func request(_ type: UInt32, sector: UInt64, _ data: [UInt8]) throws -> UInt8? {
    try memory.store(type, at: GuestAddress(VirtioBlockFixture.header))
    try memory.store(0 as UInt32, at: GuestAddress(VirtioBlockFixture.header + 4))
    try memory.store(sector, at: GuestAddress(VirtioBlockFixture.header + 8))
    try memory.write(data, at: GuestAddress(VirtioBlockFixture.data))
    let body = [(VirtioBlockFixture.data, UInt32(data.count))]
    let isRead = type == VirtioBlockFixture.Request.in
    try queue?.describeChain(
      0, readable: [(VirtioBlockFixture.header, 16)] + (isRead ? [] : body),
      writable: (isRead ? body : []) + [(VirtioBlockFixture.status, 1)])
    try queue?.offer([0])
    driver.kick(0)
    for _ in 0..<5000 {
      if try queue?.takeUsed() != nil {
        return try memory.load(UInt8.self, at: GuestAddress(VirtioBlockFixture.status))
      }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    return nil
  }
}
