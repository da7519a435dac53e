import HostSystem
import Synchronization
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// The front end of vhost-user with a back end that keeps the rules.
struct VhostUserFrontEndTests {
  @Test func `a driver sees the back end's features, configuration and queues`() throws {
    let fixture = try VhostUserFixture()
    let expected = ScriptedBackEnd.features.subtracting(.vhostUserProtocol)
    #expect(fixture.driver.offeredFeatures() == expected.rawValue)
    #expect(fixture.memoryBus.read(fixture.driver.deviceBase, byteCount: 4) == 256)
    // The back end has four queues, and two were asked for.
    #expect(fixture.memoryBus.read(fixture.driver.deviceBase + 34, byteCount: 2) == 2)
    #expect(fixture.device.queueSizes == [16, 16])
  }

  @Test func `the back end gets memory, addresses and eventfds of each queue`() throws {
    let fixture = try VhostUserFixture()
    try fixture.start()
    #expect(!fixture.needsReset)
    let back = fixture.backEnd
    #expect(try back.requests(.setFeatures).last?.integer() == VhostUserFixture.features | 1 << 30)
    let table = try #require(back.requests(.setMemoryTable).last)
    #expect(VhostUserMessage.words(table.payload).first == 1)
    #expect(VhostUserMessage.longWords(table.payload).dropFirst() == [0, 8 << 20, 0, 0])
    for index in 0..<2 {
      let address = back.requests(.setVringAddress)[index]
      let layout = fixture.queues[index].layout
      #expect(
        VhostUserMessage.longWords(address.payload) == [
          UInt64(index), layout.descriptorTable.rawValue, layout.usedRing.rawValue,
          layout.availableRing.rawValue, 0,
        ])
      #expect(try back.requests(.setVringSize)[index].vringState() == (UInt32(index), 16))
      #expect(try back.requests(.setVringEnabled)[index].vringState() == (UInt32(index), 1))
    }
    // The last queue's kick is the eventfd of the driver's notification, its call the queue's interrupt.
    fixture.driver.kick(1)
    #expect(VirtioEventRecorder.take(try #require(back.descriptor(.setVringKick))) == 1)
    VirtioEventRecorder.signal(try #require(back.descriptor(.setVringCall)))
    #expect(fixture.recorder.takesInterrupt())
  }

  @Test func `a reset stops every queue before the driver reads a status of zero`() throws {
    let fixture = try VhostUserFixture()
    try fixture.start()
    fixture.driver.setStatus(0)
    #expect(fixture.driver.status == 0)
    #expect(fixture.backEnd.requests(.getVringBase).map { $0.payload[0] } == [0, 1])
    try fixture.start()
    #expect(!fixture.needsReset)
    #expect(fixture.backEnd.state.withLock { $0.connectionCount } == 1)
  }

  @Test func `a change of the configuration reaches the driver`() throws {
    let fixture = try VhostUserFixture()
    try fixture.start()
    let generation = fixture.driver.read(FakeVirtioDriver.Common.generation, byteCount: 1)
    fixture.backEnd.state.withLock { $0.configuration = ScriptedBackEnd.configuration(sectorCount: 512) }
    let channel = try #require(fixture.backEnd.descriptor(.setBackEndChannel))
    let request = VhostUserMessage(
      request: VhostUserBackEndRequest.configurationChanged.rawValue,
      flags: VhostUserProtocol.Flag.version | VhostUserProtocol.Flag.needsReply)
    let socket = VhostUserSocket(DescriptorStream(adopting: OwnedDescriptor(adopting: channel)))
    try socket.send(request)
    let reply = try socket.receive().message
    #expect(reply == request.reply(VhostUserMessage.payload(0)))
    #expect(fixture.memoryBus.read(fixture.driver.deviceBase, byteCount: 4) == 512)
    #expect(fixture.driver.read(FakeVirtioDriver.Common.generation, byteCount: 1) != generation)
  }

  @Test func `a driver's write of the cache mode reaches the back end`() throws {
    let fixture = try VhostUserFixture()
    try fixture.start()
    fixture.memoryBus.write(fixture.driver.deviceBase + 32, byteCount: 1, value: 1)
    let message = try #require(fixture.backEnd.requests(.setConfiguration).last)
    #expect(message.payload == [32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1])
    // A write behind the configuration goes nowhere.
    fixture.memoryBus.write(fixture.driver.deviceBase + 58, byteCount: 4, value: 1)
    #expect(fixture.backEnd.requests(.setConfiguration).count == 1)
  }

  @Test func `a driver without MSI-X gets its interrupts through the watcher`() throws {
    let fixture = try VhostUserFixture()
    fixture.driver.disableMSIX()
    try fixture.start()
    VirtioEventRecorder.signal(try #require(fixture.backEnd.descriptor(.setVringCall)))
    #expect(
      eventually(within: 5) { fixture.memoryBus.read(fixture.driver.isrBase, byteCount: 1) & 1 == 1 })
  }

  @Test func `the back end gets the new vector of a queue in service`() throws {
    let fixture = try VhostUserFixture()
    try fixture.start()
    let count = fixture.backEnd.requests(.setVringCall).count
    fixture.driver.write(FakeVirtioDriver.Common.queueSelect, byteCount: 2, 0)
    fixture.driver.write(FakeVirtioDriver.Common.queueVector, byteCount: 2, 2)
    #expect(fixture.backEnd.requests(.setVringCall).count == count + 1)
  }

  @Test func `a file system has its tag and two queues, and asks for no configuration`() throws {
    let backEnd = ScriptedBackEnd(protocolFeatures: [.multiqueue, .replyAcknowledgement])
    let fixture = try VhostUserFixture(backEnd, kind: .fileSystem(tag: "files"))
    #expect(fixture.device.queueSizes.count == 2)
    let tag = (0..<8).map {
      UInt8(truncatingIfNeeded: fixture.memoryBus.read(fixture.driver.deviceBase + $0, byteCount: 1))
    }
    #expect(tag == Array("files".utf8) + [0, 0, 0])
    #expect(fixture.memoryBus.read(fixture.driver.deviceBase + 36, byteCount: 4) == 1)
    #expect(backEnd.requests(.getConfiguration).isEmpty)
    try fixture.start()
    #expect(!fixture.needsReset)
  }

  @Test func `a successor continues the queues at their used index`() throws {
    let backEnd = ScriptedBackEnd(
      protocolFeatures: [.multiqueue, .replyAcknowledgement, .configuration, .inflight])
    let fixture = try VhostUserFixture(backEnd, successorTimeoutNanoseconds: 5_000_000_000)
    try fixture.start()
    try fixture.memory.store(5 as UInt16, at: GuestAddress(fixture.queues[1].layout.usedRing.rawValue + 2))
    backEnd.endConnections()
    #expect(eventually(within: 5) { backEnd.requests(.setVringKick).count == 4 })
    #expect(backEnd.requests(.setInflight).count == 2)
    #expect(try backEnd.requests(.setVringBase).last?.vringState() ?? (0, 0) == (1, 5))
    #expect(!fixture.needsReset)
    // The driver's notification may have been lost.
    let kick = try #require(backEnd.descriptor(.setVringKick))
    #expect(eventually(within: 5) { VirtioEventRecorder.take(kick) > 0 })
  }
}

extension VirtioEventRecorder {
  /// Whether any route fired.
  func takesInterrupt() -> Bool { (0..<routeCount).contains { takeInterrupts($0) > 0 } }
}

extension FakeVirtioDriver {
  /// Turns MSI-X off.
  func disableMSIX() {
    var next = UInt8(truncatingIfNeeded: Self.register(host, 0x34))
    while next != 0 {
      let head = Self.register(host, next)
      if UInt8(truncatingIfNeeded: head) == 0x11 { Self.setRegister(host, next + 2, byteCount: 2, 0) }
      next = UInt8(truncatingIfNeeded: head >> 8)
    }
  }
}
