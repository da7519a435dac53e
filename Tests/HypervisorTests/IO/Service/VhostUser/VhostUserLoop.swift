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

  init(_ service: ServiceFixture) throws {
    memory = try GuestMemory(byteCount: 8 << 20, isShared: true)
    let device = try VhostUserDevice(
      kind: .block(queueCount: 1, limit: 1), queueSize: 16, memory: memory, log: LogRecorder().log("test:"),
      successorTimeoutNanoseconds: 0
    ) { [service = service.service] () throws(Errno) in
      var other: OwnedDescriptor?
      let stream = try DescriptorStream(other: &other)
      guard let other = other.take() else { throw .badFileDescriptor }
      service.addVhostUser(DescriptorStream(adopting: other), disk: "rw")
      return stream
    }
    function = try VirtioPCI(device: device, memory: memory, router: recorder)
    driver = try FakeVirtioDriver(of: function, bus: memoryBus, recorder: recorder, lines: lines)
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
    try VirtioBlockFixture.writeHeader(type, sector: sector, to: memory)
    try memory.write(data, at: GuestAddress(VirtioBlockFixture.data))
    let body = [(VirtioBlockFixture.data, UInt32(data.count))]
    let isRead = type == VirtioBlockFixture.Request.in
    try queue?.describeChain(
      0, readable: [(VirtioBlockFixture.header, 16)] + (isRead ? [] : body),
      writable: (isRead ? body : []) + [(VirtioBlockFixture.status, 1)])
    try queue?.offer([0])
    driver.kick(0)
    guard try eventually(within: 5, { try queue?.takeUsed() != nil }) else { return nil }
    return try memory.load(UInt8.self, at: GuestAddress(VirtioBlockFixture.status))
  }
}
