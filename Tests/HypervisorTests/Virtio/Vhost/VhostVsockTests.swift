import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// The virtio socket device with a vhost driver that records its requests.
struct VhostVsockTests {
  @Test func `a driver sees three queues, the context ID and the features of both drivers`() throws {
    let fixture = try VhostVsockFixture(
      FakeVhostDriver(features: [
        .indirectDescriptors, .eventIndex, .version1, .vsockSequencedPackets, .anyLayout,
        VirtioFeatures(rawValue: 1 << 26),
      ]))
    #expect(fixture.driver.offeredFeatures() == VhostVsockFixture.features | 1 << 1)
    #expect(fixture.device.queueSizes == [128, 128, 128])
    #expect(fixture.device.deviceID == 19)
    #expect(
      fixture.memoryBus.read(fixture.driver.deviceBase, byteCount: 8) == UInt64(VhostVsockFixture.contextID))
  }

  @Test func `the context ID is taken when the device is made`() throws {
    let vhost = FakeVhostDriver()
    let fixture = try VhostVsockFixture(vhost)
    #expect(vhost.requests.first == .setOwner)
    #expect(vhost.requests.last == .setContextID(VhostVsockFixture.contextID))
    #expect(!fixture.needsReset)
  }

  @Test func `a context ID that another guest has is named`() throws {
    let vhost = FakeVhostDriver()
    vhost.fail(.setContextID(VhostVsockFixture.contextID), .addressInUse)
    let error = #expect(throws: VhostError.self) { try VhostVsockFixture(vhost) }
    #expect(error == .contextIDInUse(VhostVsockFixture.contextID))
    #expect(error?.description.contains("2271560481") == true)
  }

  @Test(arguments: [VirtioFeatures.version1, .eventIndex, .indirectDescriptors])
  func `a vhost driver without a feature of rings is refused`(missing: VirtioFeatures) throws {
    let features = VhostKernelBackEnd.ringFeatures.subtracting(missing)
    #expect(throws: VhostError.self) { try VhostVsockFixture(FakeVhostDriver(features: features)) }
  }

  @Test func `a device that is not there is named with the module to load`() {
    let error = #expect(throws: VhostError.self) {
      try VhostFile(path: "/dev/no-such-vhost", module: "vhost_vsock")
    }
    #expect(
      error?.description == "there is no /dev/no-such-vhost; load the host's module: modprobe vhost_vsock")
  }

  @Test func `the vhost driver gets features, memory and two rings, and runs last`() throws {
    let fixture = try VhostVsockFixture()
    fixture.vhost.forget()
    try fixture.start()
    #expect(!fixture.needsReset)
    let requests = fixture.vhost.requests
    #expect(requests.first == .setFeatures(VirtioFeatures(rawValue: VhostVsockFixture.features)))
    let table = VhostMemoryTable(fixture.memory)
    #expect(requests.dropFirst().first == .setMemory(table))
    for ring in 0..<2 {
      let address = try #require(table.address(of: fixture.queues[ring].layout))
      #expect(requests.contains(.setSize(ring: ring, 16)))
      #expect(requests.contains(.setBase(ring: ring, 0)))
      #expect(requests.contains(.setAddress(ring: ring, address)))
    }
    #expect(requests.last == .setRunning(true))
    // Features, memory, size, base, address and two eventfds of each ring, and the start.
    #expect(requests.count == 2 + 2 * 5 + 1)
  }

  @Test func `a ring's addresses are those of the guest's memory in this process`() throws {
    let memory = try GuestMemory(byteCount: 1 << 20)
    let table = VhostMemoryTable(memory)
    let host = try #require(table.regions.first?.host.rawValue)
    let layout = VirtqueueLayout(
      size: 8, descriptorTable: GuestAddress(0x1000), availableRing: GuestAddress(0x2002),
      usedRing: GuestAddress(0x3004))
    #expect(
      table.address(of: layout)
        == VhostRingAddress(
          descriptorTable: HostAddress(host + 0x1000), availableRing: HostAddress(host + 0x2002),
          usedRing: HostAddress(host + 0x3004)))
  }

  @Test(
    arguments: [
      (0x10_0000, 0x2000, 0x3000), (0xF_FFF0, 0x2000, 0x3000), (0x1000, 0xF_FFFE, 0x3000),
      (0x1000, 0x2000, 0xF_FFFC), (0x1008, 0x2000, 0x3000), (0x1000, 0x2001, 0x3000),
      (0x1000, 0x2000, 0x3002), (.max - 15, 0x2000, 0x3000), (0x1000, .max - 1, 0x3000),
      (0x1000, 0x2000, .max - 3), (0xC000_0000, 0x2000, 0x3000),
    ] as [(UInt64, UInt64, UInt64)])
  func `a ring outside of memory, or misaligned, has no address`(
    descriptors: UInt64, available: UInt64, used: UInt64
  ) throws {
    let table = VhostMemoryTable(try GuestMemory(byteCount: 1 << 20))
    let layout = VirtqueueLayout(
      size: 8, descriptorTable: GuestAddress(descriptors), availableRing: GuestAddress(available),
      usedRing: GuestAddress(used))
    #expect(table.address(of: layout) == nil)
  }

  @Test(arguments: [0, 3, 24] as [UInt16])
  func `a ring whose size is no power of two has no address`(size: UInt16) throws {
    let table = VhostMemoryTable(try GuestMemory(byteCount: 1 << 20))
    #expect(table.address(of: VirtqueueLayout(size: size)) == nil)
  }

  @Test func `a ring outside of memory never reaches the vhost driver`() throws {
    let memory = try GuestMemory(byteCount: 1 << 20)
    let vhost = FakeVhostDriver()
    var backEnd = VhostKernelBackEnd(vhost)
    try backEnd.setMemory(memory)
    vhost.forget()
    let ring = VhostRing(
      index: 1, layout: VirtqueueLayout(size: 8, descriptorTable: GuestAddress(1 << 20)), kick: 0, call: 0)
    do throws(VhostError) {
      try backEnd.start(ring, base: 0)
      Issue.record("the ring was accepted")
    } catch { #expect(error == .ringOutsideMemory(1)) }
    #expect(vhost.requests.isEmpty)
  }

  @Test func `a driver whose ring lies outside of memory has to reset the device`() throws {
    let fixture = try VhostVsockFixture()
    fixture.vhost.forget()
    try fixture.driver.negotiate(VhostVsockFixture.features)
    for index in 0..<3 {
      fixture.driver.enable(
        index,
        VirtqueueLayout(
          size: 16, descriptorTable: GuestAddress(8 << 20), availableRing: GuestAddress(0x2000),
          usedRing: GuestAddress(0x3000)))
    }
    fixture.driver.start()
    #expect(fixture.needsReset)
    #expect(fixture.vhost.requests.isEmpty)
    try fixture.start()
    #expect(!fixture.needsReset)
  }

  @Test func `a driver that leaves a queue out has to reset the device`() throws {
    let fixture = try VhostVsockFixture()
    fixture.vhost.forget()
    try fixture.start(enabled: [0, 2])
    #expect(fixture.needsReset)
    #expect(!fixture.vhost.requests.contains(.setRunning(true)))
    #expect(fixture.logged.waitForLine(containing: "did not set up queue 1"))
  }

  @Test func `a reset stops the vhost driver, which runs again afterwards`() throws {
    let fixture = try VhostVsockFixture()
    try fixture.start()
    fixture.vhost.forget()
    fixture.driver.setStatus(0)
    #expect(fixture.driver.status == 0)
    #expect(fixture.vhost.requests == [.setRunning(false)])
    try fixture.start()
    #expect(!fixture.needsReset)
    #expect(fixture.vhost.requests.last == .setRunning(true))
    #expect(fixture.vhost.requests.filter { $0 == .setOwner }.isEmpty)
  }

  @Test func `a vhost driver that does not run is reported to the guest and in the log`() throws {
    let fixture = try VhostVsockFixture()
    fixture.vhost.fail(.setRunning(true), .badAddress)
    try fixture.start()
    #expect(fixture.needsReset)
    #expect(fixture.vhost.requests.last == .setRunning(false))
    #expect(fixture.logged.waitForLine(containing: "VHOST_VSOCK_SET_RUNNING: Bad address"))
  }

  @Test func `notifications and interrupts are eventfds that the vhost driver has`() throws {
    let fixture = try VhostVsockFixture()
    try fixture.start()
    let kick = try #require(
      fixture.vhost.descriptor { if case .setKick(ring: 1, let event) = $0 { event } else { nil } })
    let call = try #require(
      fixture.vhost.descriptor { if case .setCall(ring: 1, let event) = $0 { event } else { nil } })
    fixture.driver.kick(1)
    #expect(VirtioEventRecorder.take(kick) == 1)
    VirtioEventRecorder.signal(call)
    #expect(fixture.recorder.takesInterrupt())
  }

  @Test func `the vhost driver gets the new vector of a queue in service`() throws {
    let fixture = try VhostVsockFixture()
    try fixture.start()
    fixture.vhost.forget()
    fixture.driver.write(FakeVirtioDriver.Common.queueSelect, byteCount: 2, 0)
    fixture.driver.write(FakeVirtioDriver.Common.queueVector, byteCount: 2, 2)
    #expect(fixture.vhost.requests.count == 1)
    // The event queue is not the vhost driver's.
    fixture.driver.write(FakeVirtioDriver.Common.queueSelect, byteCount: 2, 2)
    fixture.driver.write(FakeVirtioDriver.Common.queueVector, byteCount: 2, 1)
    #expect(fixture.vhost.requests.count == 1)
  }

  @Test func `a ring that breaks the rules is reported once, and again after a reset`() throws {
    let fixture = try VhostVsockFixture()
    let error = try #require(
      fixture.vhost.descriptor { if case .setError(ring: 1, let event) = $0 { event } else { nil } })
    try fixture.start()
    VirtioEventRecorder.signal(error)
    #expect(eventually(within: 5) { fixture.needsReset })
    VirtioEventRecorder.signal(error)
    fixture.settle()
    #expect(fixture.logged.waitForLine(containing: "queue 1 breaks the rules"))
    #expect(fixture.logged.lines.count == 1)
    try fixture.start()
    #expect(!fixture.needsReset)
    VirtioEventRecorder.signal(error)
    #expect(eventually(within: 5) { fixture.needsReset })
  }

  @Test func `a violation while the device is reset goes nowhere`() throws {
    let fixture = try VhostVsockFixture()
    let error = try #require(
      fixture.vhost.descriptor { if case .setError(ring: 0, let event) = $0 { event } else { nil } })
    VirtioEventRecorder.signal(error)
    fixture.settle()
    #expect(fixture.logged.lines.isEmpty)
    try fixture.start()
    #expect(!fixture.needsReset)
  }
}
