import HostSystem
import Hypervisor
import Testing
import VextProtocol

/// A network device behind the legacy interface, whose header is shorter.
@Suite struct VirtioNetLegacyTests {
  private static let mergeableBuffers: UInt64 = 1 << 15
  private static let (receiveBuffer, transmitBuffer): (UInt64, UInt64) = (0x20_0000, 0x30_0000)

  /// Waits up to ten seconds for the next chain that comes back.
  private static func waitForUsed(_ queue: inout FakeVirtqueue) throws -> FakeVirtqueue.Used? {
    for _ in 0..<10_000 {
      if let used = try queue.takeUsed() { return used }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    return nil
  }

  @Test(arguments: [(0, 10), (mergeableBuffers, 12)] as [(UInt64, UInt32)])
  func `the header has a count of buffers only where they may be merged`(
    features: UInt64, headerByteCount: UInt32
  ) throws {
    let memory = try GuestMemory(byteCount: 8 << 20)
    let thread = try DeviceThread(name: "net-test")
    defer { thread.stop() }
    let (port, peer) = try FramePort.socketPair()
    let device = VirtioNet(
      ports: [port], address: .guestDefault(index: 0), memory: memory, threads: [thread])
    let (recorder, lines) = (VirtioEventRecorder(), InterruptLineRecorder())
    // The PCI host does not own its buses.
    let (memoryBus, portBus) = (AddressBus(), AddressBus())
    defer { withExtendedLifetime((memoryBus, portBus)) {} }
    let function = try VirtioPCI(device: device, memory: memory, router: recorder, transport: .legacy)
    defer { function.shutDown() }
    let host = PCIHost(
      memoryBus: memoryBus, portBus: portBus, registrar: recorder, interruptLine: lines.line)
    try host.add(function)
    let driver = FakeLegacyDriver(ports: portBus, host: host)
    driver.negotiate(features)
    let pages: [UInt32] = [0x10, 0x20]
    var queues = try pages.map {
      try FakeVirtqueue(
        memory: memory, layout: VirtqueueLayout(size: 256, legacyPage: $0), usesEventIndex: false)
    }
    for (index, page) in pages.enumerated() { driver.enable(index, page: page) }
    // What is there at the start needs no notification.
    let header = [UInt8](repeating: 0, count: Int(headerByteCount))
    let frame = VirtioNetFixture.frame(60)
    try memory.write(header + frame, at: GuestAddress(Self.transmitBuffer))
    try queues[1].describeChain(
      0, readable: [(Self.transmitBuffer, headerByteCount + 60)], writable: [])
    try queues[0].describeChain(0, readable: [], writable: [(Self.receiveBuffer, 2048)])
    try queues[1].offer(0)
    try queues[0].offer(0)
    driver.start()

    #expect(peer.receive() == frame)
    peer.send(frame)
    let used = try Self.waitForUsed(&queues[0])
    #expect(used == FakeVirtqueue.Used(head: 0, byteCount: headerByteCount + 60))
    let received = try memory.read(Int(headerByteCount) + 60, at: GuestAddress(Self.receiveBuffer))
    #expect(Array(received.dropFirst(Int(headerByteCount))) == frame)
  }
}
