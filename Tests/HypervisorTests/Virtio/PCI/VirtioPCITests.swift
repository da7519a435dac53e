import HostSystem
import Hypervisor
import TestSupport
import Testing
import VextProtocol

/// The transport as a driver sees it.
@Suite struct VirtioPCITests {
  private typealias Common = FakeVirtioDriver.Common
  private typealias Status = FakeVirtioDriver.Status

  @Test func `a modern block device answers in configuration space`() throws {
    let fixture = try VirtioBlockFixture()
    #expect(FakeVirtioDriver.register(fixture.driver.host, 0x00) == 0x1042_1AF4)
    #expect(FakeVirtioDriver.register(fixture.driver.host, 0x08) == 0x0180_0001)
    #expect(fixture.driver.isrBase == fixture.driver.commonBase + 0x1000)
    #expect(fixture.driver.notifyMultiplier == 4)
  }

  @Test func `the way to DRIVER_OK reads back`() throws {
    let fixture = try VirtioBlockFixture(queueCount: 3)
    #expect(fixture.driver.status == Status.acknowledge | Status.driver | Status.featuresOK | Status.driverOK)
    #expect(fixture.driver.read(Common.queueCount, byteCount: 2) == 3)
    #expect(fixture.driver.read(Common.generation, byteCount: 1) == 0)
    fixture.driver.write(Common.queueSelect, byteCount: 2, 2)
    #expect(fixture.driver.read(Common.queueSize, byteCount: 2) == 16)
    #expect(fixture.driver.read(Common.queueVector, byteCount: 2) == 3)
    #expect(fixture.driver.read(Common.queueEnable, byteCount: 2) == 1)
    #expect(fixture.driver.read(Common.queueNotifyOffset, byteCount: 2) == 2)
    #expect(fixture.driver.read(Common.queueAvailableRing, byteCount: 8) == 0x3_4000)
    #expect(fixture.driver.read(Common.queueUsedRing, byteCount: 4) == 0x3_6000)
    #expect(fixture.driver.read(Common.queueUsedRing + 4, byteCount: 4) == 0)
    #expect(fixture.servers[0].attachedCount == 3)
  }

  @Test func `features that were not offered are refused`() throws {
    let fixture = try VirtioBlockFixture()
    let offered = fixture.driver.offeredFeatures()
    let bits = (0..<64).filter { offered & 1 << UInt64($0) != 0 }
    #expect(bits == [2, 6, 9, 11, 12, 13, 14, 28, 29, 32])
    #expect(throws: FakeVirtioDriver.Failure.featuresRefused) {
      try fixture.driver.negotiate(offered | 1 << 24)
    }
    #expect(throws: FakeVirtioDriver.Failure.featuresRefused) {
      try fixture.driver.negotiate(offered | 1 << 40)
    }
    try fixture.driver.negotiate(offered)
  }

  @Test func `a driver without VERSION_1 is refused and cannot start`() throws {
    let fixture = try VirtioBlockFixture()
    #expect(throws: FakeVirtioDriver.Failure.featuresRefused) { try fixture.driver.negotiate(1 << 28) }
    fixture.driver.start()
    #expect(fixture.driver.status == Status.acknowledge | Status.driver)
    #expect(fixture.servers[0].attachedCount == 0)
  }

  @Test func `features are fixed once they are agreed upon`() throws {
    let fixture = try VirtioBlockFixture()
    fixture.driver.setFeatures(0)
    fixture.driver.write(Common.driverFeatureSelect, byteCount: 4, 1)
    #expect(fixture.driver.read(Common.driverFeature, byteCount: 4) == 1)
    fixture.driver.write(Common.driverFeatureSelect, byteCount: 4, 2)
    fixture.driver.write(Common.driverFeature, byteCount: 4, 0xFFFF_FFFF)
    #expect(fixture.driver.read(Common.driverFeature, byteCount: 4) == 0)
  }

  @Test func `an enabled queue cannot be moved or resized`() throws {
    let fixture = try VirtioBlockFixture()
    fixture.driver.write(Common.queueSelect, byteCount: 2, 0)
    fixture.driver.write(Common.queueSize, byteCount: 2, 8)
    fixture.driver.write(Common.queueUsedRing, byteCount: 8, 0x1234)
    #expect(fixture.driver.read(Common.queueSize, byteCount: 2) == 16)
    #expect(fixture.driver.read(Common.queueUsedRing, byteCount: 8) == 0x1_6000)
  }

  @Test(arguments: [0, 3, 512, 0xFFFF] as [UInt64])
  func `a size that the device does not offer is ignored`(size: UInt64) throws {
    let fixture = try VirtioBlockFixture()
    try fixture.driver.negotiate(1 << 32)
    fixture.driver.write(Common.queueSize, byteCount: 2, size)
    #expect(fixture.driver.read(Common.queueSize, byteCount: 2) == 256)
  }

  @Test func `a queue that does not exist has size zero and takes nothing`() throws {
    let fixture = try VirtioBlockFixture()
    try fixture.driver.negotiate(1 << 32)
    fixture.driver.write(Common.queueSelect, byteCount: 2, 9)
    fixture.driver.write(Common.queueSize, byteCount: 2, 16)
    fixture.driver.write(Common.queueEnable, byteCount: 2, 1)
    #expect(fixture.driver.read(Common.queueSize, byteCount: 2) == 0)
    #expect(fixture.driver.read(Common.queueEnable, byteCount: 2) == 0)
    #expect(fixture.driver.read(Common.queueDescriptorTable, byteCount: 8) == 0)
  }

  @Test func `a vector that does not exist reads back as none`() throws {
    let fixture = try VirtioBlockFixture()
    fixture.driver.write(Common.configurationVector, byteCount: 2, 2)
    #expect(fixture.driver.read(Common.configurationVector, byteCount: 2) == 0xFFFF)
    fixture.driver.write(Common.queueVector, byteCount: 2, 1)
    #expect(fixture.driver.read(Common.queueVector, byteCount: 2) == 1)
    fixture.driver.write(Common.queueVector, byteCount: 2, 0x8001)
    #expect(fixture.driver.read(Common.queueVector, byteCount: 2) == 0xFFFF)
  }

  @Test func `a reset forgets everything`() throws {
    let fixture = try VirtioBlockFixture()
    fixture.driver.setStatus(0)
    #expect(fixture.driver.status == 0)
    #expect(fixture.servers[0].attachedCount == 0)
    #expect(fixture.driver.read(Common.queueEnable, byteCount: 2) == 0)
    #expect(fixture.driver.read(Common.queueSize, byteCount: 2) == 256)
    #expect(fixture.driver.read(Common.queueDescriptorTable, byteCount: 8) == 0)
    #expect(fixture.driver.read(Common.queueVector, byteCount: 2) == 0xFFFF)
    #expect(fixture.driver.read(Common.configurationVector, byteCount: 2) == 0xFFFF)
    #expect(fixture.driver.read(Common.driverFeature, byteCount: 4) == 0)
  }

  @Test func `after shut-down no driver starts the device again`() throws {
    let fixture = try VirtioBlockFixture()
    fixture.function.shutDown()
    #expect(fixture.servers[0].attachedCount == 0)
    try fixture.start()
    #expect(fixture.servers[0].attachedCount == 0)
    #expect(fixture.driver.status & Status.driverOK == 0)
  }

  @Test func `a ring outside RAM keeps the device from starting and is reported`() throws {
    let fixture = try VirtioBlockFixture()
    try fixture.driver.negotiate(1 << 32)
    fixture.driver.enable(
      0, VirtqueueLayout(size: 16, usedRing: GuestAddress(VirtioBlockFixture.memoryByteCount)))
    _ = fixture.recorder.takeInterrupts(0)
    fixture.driver.start()
    #expect(fixture.needsReset)
    #expect(fixture.function.failure == .invalidRing(GuestAddress(VirtioBlockFixture.memoryByteCount)))
    #expect(fixture.recorder.takeInterrupts(0) == 1)
    #expect(fixture.driver.bus.read(fixture.driver.isrBase, byteCount: 1) == 2)
    #expect(fixture.driver.bus.read(fixture.driver.isrBase, byteCount: 1) == 0)
    #expect(fixture.servers[0].attachedCount == 0)
    try fixture.start()
    #expect(!fixture.needsReset)
    #expect(fixture.function.failure == nil)
    #expect(try fixture.request(VirtioBlockFixture.Request.flush)?.status == 0)
  }

  @Test func `each queue has a notification of its own, with and without an ioeventfd`() throws {
    let fixture = try VirtioBlockFixture(queueCount: 2)
    let first = try #require(fixture.recorder.notification(at: fixture.driver.notifyAddress(0)))
    let second = try #require(fixture.recorder.notification(at: fixture.driver.notifyAddress(1)))
    #expect(first != second)
    fixture.driver.bus.write(fixture.driver.notifyAddress(1), byteCount: 2, value: 1)
    #expect(VirtioEventRecorder.take(first) == 0)
    #expect(VirtioEventRecorder.take(second) == 1)
    fixture.driver.bus.write(fixture.driver.notifyAddress(1) + 4, byteCount: 2, value: 1)
    fixture.driver.bus.write(fixture.driver.notifyAddress(1) + 1, byteCount: 1, value: 1)
    #expect(VirtioEventRecorder.take(first) == 0)
    #expect(VirtioEventRecorder.take(second) == 0)
  }

  @Test func `the disk is described in the device configuration`() throws {
    let fixture = try VirtioBlockFixture(queueCount: 2)
    let base = fixture.driver.deviceBase
    #expect(fixture.driver.bus.read(base, byteCount: 8) == UInt64(VirtioBlockFixture.diskByteCount / 512))
    #expect(fixture.driver.bus.read(base + 12, byteCount: 4) == 254)
    #expect(fixture.driver.bus.read(base + 20, byteCount: 4) == 512)
    #expect(fixture.driver.bus.read(base + 34, byteCount: 2) == 2)
    #expect(fixture.driver.bus.read(base + 36, byteCount: 4) == 1 << 22)
    #expect(fixture.driver.bus.read(base + 40, byteCount: 4) == 16)
    #expect(fixture.driver.bus.read(base + 44, byteCount: 4) == 1)
    #expect(fixture.driver.bus.read(base + 52, byteCount: 4) == 16)
    #expect(fixture.driver.bus.read(base + 56, byteCount: 1) == 1)
    #expect(fixture.driver.bus.read(base + 0x100, byteCount: 8) == 0)
  }

  @Test func `a read-only disk is offered as one`() throws {
    let fixture = try VirtioBlockFixture(readOnly: true)
    let offered = fixture.driver.offeredFeatures()
    let bits = (0..<64).filter { offered & 1 << UInt64($0) != 0 }
    #expect(bits == [2, 5, 6, 9, 12, 28, 29, 32])
  }

  @Test func `an access of any width at any offset is survived`() throws {
    let fixture = try VirtioBlockFixture(queueCount: 2)
    var random = SplitMix64(seed: 7)
    for offset in 0..<UInt64(0x3100) {
      for byteCount in [0, 1, 2, 3, 4, 8, 9, -1] {
        for bar in [0, 1, 4, 7, -1] {
          _ = fixture.function.readBAR(bar, offset: offset, byteCount: byteCount)
          fixture.function.writeBAR(bar, offset: offset, byteCount: byteCount, value: random.next())
        }
      }
    }
    for offset in [UInt64.max, UInt64.max - 7, 0x7FFF, 0x8000, 1 << 63] {
      _ = fixture.function.readBAR(0, offset: offset, byteCount: 8)
      fixture.function.writeBAR(0, offset: offset, byteCount: 8, value: .max)
    }
    try fixture.start()
    #expect(try fixture.request(VirtioBlockFixture.Request.flush)?.status == 0)
  }

  @Test func `without ioeventfds KVM watches nothing and notifications still arrive`() throws {
    let fixture = try VirtioBlockFixture(usesIOEventFD: false)
    #expect(fixture.recorder.notificationCount == 0)
    #expect(fixture.function.notifications.isEmpty)
    // The I/O thread sleeps on the eventfd that the write through the bus signals.
    let thread = try IOThread(name: "no-ioeventfd", cpus: nil, waiting: .events, engine: .sync)
    let threaded = try VirtioBlockFixture(thread: thread, usesIOEventFD: false)
    try threaded.writeHeader(VirtioBlockFixture.Request.flush, sector: 0)
    try threaded.queues[0].describeChain(
      0, readable: [(VirtioBlockFixture.header, 16)], writable: [(VirtioBlockFixture.status, 1)])
    #expect(try threaded.queues[0].requestInterrupt())
    #expect(try threaded.queues[0].offer(0))
    threaded.driver.bus.write(threaded.driver.notifyAddress(0), byteCount: 2, value: 0)
    #expect(threaded.recorder.waitForInterrupt(1))
    #expect(try threaded.queues[0].takeUsed() == FakeVirtqueue.Used(head: 0, byteCount: 1))
    threaded.function.shutDown()
    thread.stop()
  }

  /// The capability that gives access to the BAR, and what a driver writes to it.
  private func access(_ fixture: VirtioBlockFixture, bar: UInt64 = 0, offset: UInt64, byteCount: UInt64)
    -> UInt8
  {
    let host = fixture.driver.host
    let capability = UInt8(fixture.function.configuration.vendorCapabilityOffsets[4])
    FakeVirtioDriver.setRegister(host, capability + 4, byteCount: 1, bar)
    FakeVirtioDriver.setRegister(host, capability + 8, byteCount: 4, offset)
    FakeVirtioDriver.setRegister(host, capability + 12, byteCount: 4, byteCount)
    return capability + 16
  }

  @Test func `the BAR can be reached through configuration space`() throws {
    let fixture = try VirtioBlockFixture()
    let host = fixture.driver.host
    #expect(
      FakeVirtioDriver.register(host, UInt8(fixture.function.configuration.vendorCapabilityOffsets[4])) >> 24
        == 5)
    let status = access(fixture, offset: Common.status, byteCount: 1)
    #expect(FakeVirtioDriver.register(host, status) == 0x0F)
    FakeVirtioDriver.setRegister(host, status, byteCount: 4, 0)
    #expect(fixture.driver.status == 0)
    // The capacity, and a part of it.
    let capacity = access(fixture, offset: 0x2000, byteCount: 4)
    #expect(FakeVirtioDriver.register(host, capacity) == UInt32(VirtioBlockFixture.diskByteCount / 512))
    host.write(offset: 0, byteCount: 4, value: 0x8000_0800 | UInt64(capacity))
    #expect(host.read(offset: 5, byteCount: 1) == UInt64((VirtioBlockFixture.diskByteCount / 512) >> 8))
  }

  @Test(
    arguments: [(0, 0x8000, 4), (0, 1, 2), (0, 0, 3), (0, 0, 8), (4, 0, 4), (255, 0, 4)]
      as [(UInt64, UInt64, UInt64)])
  func `an access through configuration space that is prepared wrongly reaches nothing`(
    bar: UInt64, offset: UInt64, byteCount: UInt64
  ) throws {
    let fixture = try VirtioBlockFixture()
    let data = access(fixture, bar: bar, offset: offset, byteCount: byteCount)
    FakeVirtioDriver.setRegister(fixture.driver.host, data, byteCount: 4, 0)
    #expect(FakeVirtioDriver.register(fixture.driver.host, data) == 0)
    #expect(fixture.driver.status == 0x0F)
  }

  @Test func `while MSI-X is off an interrupt goes through the pin until the ISR byte is read`() throws {
    let fixture = try VirtioBlockFixture()
    let host = fixture.driver.host
    let msix = UInt8(fixture.function.configuration.vendorCapabilityOffsets[4] + 20)
    #expect(FakeVirtioDriver.register(host, msix) & 0xFF == 0x11)
    #expect(try fixture.request(VirtioBlockFixture.Request.flush)?.status == 0)
    #expect(fixture.lines.active == [])
    FakeVirtioDriver.setRegister(host, msix + 2, byteCount: 2, 0)
    #expect(fixture.lines.active == [])
    try fixture.start()
    #expect(try fixture.request(VirtioBlockFixture.Request.flush)?.status == 0)
    #expect(try fixture.request(VirtioBlockFixture.Request.flush)?.status == 0)
    #expect(fixture.lines.active == [17])
    #expect(FakeVirtioDriver.register(host, 4) >> 16 & 1 << 3 != 0)
    #expect(fixture.driver.bus.read(fixture.driver.isrBase, byteCount: 1) == 1)
    #expect(fixture.lines.active == [])
    #expect(fixture.driver.bus.read(fixture.driver.isrBase, byteCount: 1) == 0)
    #expect(fixture.lines.changeCount(17) == 2)
    fixture.driver.setStatus(0)
    #expect(fixture.lines.active == [])
  }

  @Test func `a reset takes the pin back`() throws {
    let fixture = try VirtioBlockFixture()
    let msix = UInt8(fixture.function.configuration.vendorCapabilityOffsets[4] + 20)
    FakeVirtioDriver.setRegister(fixture.driver.host, msix + 2, byteCount: 2, 0)
    #expect(try fixture.request(VirtioBlockFixture.Request.flush)?.status == 0)
    #expect(fixture.lines.active == [17])
    fixture.driver.setStatus(0)
    #expect(fixture.lines.active == [])
  }
}
