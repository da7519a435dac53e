import HostSystem
import Hypervisor
import SystemPackage
import TestSupport
import Testing
import VextProtocol

/// The legacy interface as its drivers see it (virtio 1.2 §4.1.4.10, §2.7.2).
@Suite struct VirtioLegacyTests {
  private typealias Register = FakeLegacyDriver.Register
  private typealias Request = VirtioBlockFixture.Request

  @Test func `a legacy block device has the transitional identity and a port BAR`() throws {
    let fixture = try VirtioLegacyFixture()
    let host = fixture.driver.host
    #expect(FakeVirtioDriver.register(host, 0x00) == 0x1001_1AF4)
    #expect(FakeVirtioDriver.register(host, 0x08) & 0xFF == 0)
    #expect(FakeVirtioDriver.register(host, 0x2C) == 0x0002_1AF4)
    #expect(FakeVirtioDriver.register(host, 0x10) & 3 == 1)
  }

  @Test func `only the lower 32 feature bits are offered, and ANY_LAYOUT`() throws {
    let fixture = try VirtioLegacyFixture()
    let offered = fixture.driver.read(Register.deviceFeatures, byteCount: 4)
    let bits = (0..<64).filter { offered & 1 << UInt64($0) != 0 }
    #expect(bits == [2, 6, 9, 11, 12, 13, 14, 27, 28, 29])
    fixture.driver.negotiate(.max)
    #expect(fixture.driver.read(Register.driverFeatures, byteCount: 4) == offered)
  }

  @Test func `the rings lie in one run, the used ring on a page of its own`() {
    let layout = VirtqueueLayout(size: 256, legacyPage: 0x10)
    #expect(layout.descriptorTable == GuestAddress(0x1_0000))
    #expect(layout.availableRing == GuestAddress(0x1_1000))
    #expect(layout.usedRing == GuestAddress(0x1_2000))
    let small = VirtqueueLayout(size: 8, legacyPage: .max)
    #expect(small.descriptorTable == GuestAddress(0xFFF_FFFF_F000))
    #expect(small.availableRing == GuestAddress(0xFFF_FFFF_F080))
    #expect(small.usedRing == GuestAddress(0x1000_0000_0000))
  }

  @Test func `the way to DRIVER_OK reads back, without FEATURES_OK`() throws {
    let fixture = try VirtioLegacyFixture(queueCount: 2)
    let driver = fixture.driver
    #expect(driver.status == 7)
    driver.write(Register.status, byteCount: 1, 8)
    #expect(driver.status == 7)
    driver.write(Register.queueSelect, byteCount: 2, 1)
    #expect(driver.read(Register.queueSelect, byteCount: 2) == 1)
    #expect(driver.read(Register.queueSize, byteCount: 2) == 256)
    #expect(driver.read(Register.queuePage, byteCount: 4) == UInt64(VirtioLegacyFixture.firstPage + 8))
    driver.write(Register.queueSelect, byteCount: 2, 2)
    #expect(driver.read(Register.queueSize, byteCount: 2) == 0)
    #expect(driver.read(Register.queuePage, byteCount: 4) == 0)
    #expect(fixture.server.attachedCount == 2)
    driver.write(Register.driverFeatures, byteCount: 4, 0)
    #expect(driver.read(Register.driverFeatures, byteCount: 4) == 0x3000_0000)
  }

  @Test(arguments: [0, 1 << 28, 1 << 29] as [UInt64])
  func `requests are served and interrupt through the pin`(features: UInt64) throws {
    let fixture = try VirtioLegacyFixture(features: features)
    #expect(try fixture.request(Request.in, sector: 5, inByteCount: 4096) == 0)
    let data = try fixture.memory.read(4096, at: GuestAddress(VirtioBlockFixture.data))
    #expect(data == VirtioTemporaryDisk.pattern(5 * 512, 4096))
    #expect(fixture.lines.active == [17])
    #expect(fixture.driver.read(Register.isr, byteCount: 1) == 1)
    #expect(fixture.lines.active == [])
    #expect(fixture.driver.read(Register.isr, byteCount: 1) == 0)
  }

  @Test func `the device's configuration moves behind the vectors while MSI-X is enabled`() throws {
    let fixture = try VirtioLegacyFixture(queueCount: 2)
    let driver = fixture.driver
    let capacity = UInt64(VirtioBlockFixture.diskByteCount / 512)
    #expect(driver.read(20, byteCount: 4) == capacity)
    #expect(driver.read(20 + 34, byteCount: 2) == 2)
    driver.enableMessages(on: fixture.memoryBus)
    #expect(driver.read(24, byteCount: 4) == capacity)
    #expect(driver.read(Register.configurationVector, byteCount: 2) == 0xFFFF)
    driver.write(Register.configurationVector, byteCount: 2, 0)
    driver.write(Register.queueSelect, byteCount: 2, 1)
    driver.write(Register.queueVector, byteCount: 2, 2)
    #expect(driver.read(Register.configurationVector, byteCount: 2) == 0)
    #expect(driver.read(Register.queueVector, byteCount: 2) == 2)
    driver.write(Register.queueVector, byteCount: 2, 3)
    #expect(driver.read(Register.queueVector, byteCount: 2) == 0xFFFF)
    driver.write(Register.queueVector, byteCount: 2, 2)
    #expect(try fixture.request(Request.flush, queue: 1) == 0)
    #expect(fixture.recorder.takeInterrupts(2) == 1)
    #expect(fixture.lines.active == [])
    #expect(driver.read(Register.isr, byteCount: 1) == 0)
  }

  @Test func `a notification is known by the queue's number, with and without an ioeventfd`() throws {
    let fixture = try VirtioLegacyFixture(queueCount: 2)
    let port = fixture.driver.base + Register.queueNotify
    let first = try #require(fixture.recorder.notification(atPort: port, value: 0))
    let second = try #require(fixture.recorder.notification(atPort: port, value: 1))
    #expect(fixture.recorder.notification(atPort: port, value: 2) == nil)
    fixture.driver.write(Register.queueNotify, byteCount: 2, 1)
    fixture.driver.write(Register.queueNotify, byteCount: 2, 2)
    fixture.driver.write(Register.queueNotify, byteCount: 1, 0)
    #expect(VirtioEventRecorder.take(first) == 0)
    #expect(VirtioEventRecorder.take(second) == 1)
  }

  @Test func `a reset forgets everything`() throws {
    let fixture = try VirtioLegacyFixture()
    #expect(try fixture.request(Request.flush) == 0)
    fixture.driver.write(Register.status, byteCount: 1, 0)
    #expect(fixture.driver.status == 0)
    #expect(fixture.server.attachedCount == 0)
    #expect(fixture.driver.read(Register.queuePage, byteCount: 4) == 0)
    #expect(fixture.driver.read(Register.driverFeatures, byteCount: 4) == 0)
    #expect(fixture.lines.active == [])
    try fixture.start()
    #expect(try fixture.request(Request.flush) == 0)
  }

  @Test func `page zero before the start leaves a queue out, and another page moves it`() throws {
    let fixture = try VirtioLegacyFixture(queueCount: 2)
    fixture.driver.negotiate(0)
    fixture.driver.enable(0, page: 0x10)
    fixture.driver.enable(0, page: 0x30)
    #expect(fixture.driver.read(Register.queuePage, byteCount: 4) == 0x30)
    fixture.driver.enable(1, page: 0x18)
    fixture.driver.enable(1, page: 0)
    fixture.driver.start()
    #expect(fixture.server.attachedCount == 1)
  }

  @Test func `a queue that is taken away while it is served stops the device`() throws {
    let fixture = try VirtioLegacyFixture(queueCount: 2)
    fixture.driver.enable(1, page: 0x100)
    #expect(fixture.driver.read(Register.queuePage, byteCount: 4) == 0x18)
    #expect(fixture.server.attachedCount == 2)
    fixture.driver.enable(1, page: 0)
    #expect(fixture.server.attachedCount == 0)
    #expect(fixture.function.failure == .removedWhileServed)
    try fixture.start()
    #expect(try fixture.request(Request.flush, queue: 1) == 0)
  }

  @Test func `a ring outside RAM keeps the device from starting`() throws {
    let fixture = try VirtioLegacyFixture()
    fixture.driver.negotiate(0)
    fixture.driver.enable(0, page: .max)
    fixture.driver.start()
    #expect(fixture.server.attachedCount == 0)
    #expect(fixture.function.failure == .invalidRing(GuestAddress(0xFFF_FFFF_F000)))
    #expect(fixture.driver.read(Register.isr, byteCount: 1) == 2)
  }

  @Test func `an access of any width at any offset is survived`() throws {
    let fixture = try VirtioLegacyFixture(queueCount: 2)
    var random = SplitMix64(seed: 9)
    for round in 0..<40 {
      for offset in 0..<UInt64(0x100) {
        for byteCount in [0, 1, 2, 3, 4, 8, 9, -1] {
          _ = fixture.function.readBAR(round % 3, offset: offset, byteCount: byteCount)
          fixture.function.writeBAR(round % 3, offset: offset, byteCount: byteCount, value: random.next())
        }
      }
    }
    fixture.function.writeBAR(0, offset: .max, byteCount: 8, value: .max)
    try fixture.start()
    #expect(try fixture.request(Request.flush) == 0)
  }

  @Test func `a device type that is younger than the interface is refused`() throws {
    final class Device: VirtioDevice {
      let deviceID: UInt16 = 26
      let classCode: UInt32 = 0
      let features: VirtioFeatures = []
      let queueSizes: [UInt16] = [16]
      let configuration: [UInt8] = []
      func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {}
      func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {}
      func deactivate() {}
    }
    let memory = try GuestMemory(byteCount: 4096)
    let router = VirtioEventRecorder()
    #expect(throws: Errno.notSupported) {
      try VirtioPCI(device: Device(), memory: memory, router: router, transport: .legacy)
    }
    #expect(throws: Never.self) { try VirtioPCI(device: Device(), memory: memory, router: router) }
  }
}
