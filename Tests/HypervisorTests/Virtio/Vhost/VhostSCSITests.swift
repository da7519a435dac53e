import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// The virtio SCSI host with a vhost driver that records its requests.
struct VhostSCSITests {
  private static let features: VirtioFeatures = [.indirectDescriptors, .eventIndex, .version1, .scsiHotplug]

  private static func target() throws -> VhostSCSITarget {
    try #require(VhostSCSITarget(name: "naa.600140554cf3a18e"))
  }

  /// A device in a machine without vCPUs, with a virtio driver.
  private final class Fixture {
    let memory: GuestMemory
    let thread: DeviceThread
    let device: VhostSCSI
    let function: VirtioPCI
    let driver: FakeVirtioDriver
    let bus = AddressBus()
    private let recorder = VirtioEventRecorder()
    private let lines = InterruptLineRecorder()

    init(_ vhost: FakeVhostDriver) throws {
      memory = try GuestMemory(byteCount: 8 << 20)
      thread = try DeviceThread(name: "scsi-test")
      device = try VhostSCSI(
        target: VhostSCSITests.target(), driver: vhost, memory: memory, thread: thread,
        log: LogRecorder().log("test:"))
      function = try VirtioPCI(device: device, memory: memory, router: recorder)
      driver = try FakeVirtioDriver(of: function, bus: bus, recorder: recorder, lines: lines)
    }

    deinit {
      function.shutDown()
      thread.stop()
    }

    /// Whether the device asks for a reset.
    var needsReset: Bool { driver.status & FakeVirtioDriver.Status.needsReset != 0 }

    /// Resets the device, and sets up its queues.
    func start() throws {
      try driver.negotiate(driver.offeredFeatures())
      for index in 0..<3 {
        let queue = try FakeVirtqueue(
          memory: memory, base: 0x1_0000 * UInt64(index + 1), size: 16, usesEventIndex: true)
        driver.enable(index, queue.layout)
      }
      driver.start()
    }
  }

  @Test func `the structure of a target is the kernel's`() throws {
    let words = try Self.target().encoded
    #expect(words.count * 4 == 4 + 224 + 2 + 2)
    #expect(words[0] == 0)
    // "naa." in little-endian order.
    #expect(words[1] == 0x2E61_616E)
    #expect(words[6] == 0)
    #expect(words.last == 0)
  }

  @Test(arguments: ["", "naa", "naa.", "eui.1", "1234", "naa.1 2", "naa.1/2", "naa.\u{e9}"])
  func `a name that no target has is refused`(name: String) {
    #expect(VhostSCSITarget(name: name) == nil)
  }

  @Test func `a name has 223 bytes at most`() throws {
    #expect(VhostSCSITarget(name: "naa." + String(repeating: "6", count: 220)) == nil)
    let longest = try #require(VhostSCSITarget(name: "naa." + String(repeating: "6", count: 219)))
    // A zero ends the name.
    #expect(longest.encoded[56] == 0x0036_3636)
  }

  @Test func `the target is looked for when the device is made`() throws {
    let vhost = FakeVhostDriver(features: Self.features)
    let fixture = try Fixture(vhost)
    let target = try Self.target()
    #expect(vhost.requests.suffix(2) == [.setEndpoint(target), .clearEndpoint(target)])
    #expect(vhost.requests.contains(.setMemory(VhostMemoryTable(fixture.memory))))
  }

  @Test func `a target that is not there is named`() throws {
    let vhost = FakeVhostDriver(features: Self.features)
    vhost.fail(.setEndpoint(try Self.target()), .fileExists)
    let error = #expect(throws: VhostError.self) { try Fixture(vhost) }
    #expect(error == .noTarget("naa.600140554cf3a18e"))
    #expect(error?.description.hasPrefix("naa.600140554cf3a18e: the host has no such target") == true)
  }

  @Test(arguments: [0, 2] as [Int32])
  func `a vhost driver with another interface is refused`(version: Int32) {
    #expect(throws: VhostError.interfaceVersion(version)) {
      try Fixture(FakeVhostDriver(features: Self.features, version: version))
    }
  }

  @Test func `a driver sees one queue of requests and the limits of the vhost driver`() throws {
    let fixture = try Fixture(FakeVhostDriver(features: Self.features))
    #expect(fixture.device.queueSizes == [128, 128, 128])
    #expect(fixture.driver.offeredFeatures() == Self.features.rawValue)
    let base = fixture.driver.deviceBase
    let expected: [UInt64] = [1, 126, 0xFFFF, 128, 16, 96, 32, 255 << 16, 16_383]
    #expect(fixture.device.configuration.count == 36)
    for (index, value) in expected.enumerated() {
      #expect(fixture.bus.read(base + UInt64(index) * 4, byteCount: 4) == value, "word \(index)")
    }
    // The size of sense data stays what the vhost driver writes.
    fixture.bus.write(base + 20, byteCount: 4, value: 18)
    #expect(fixture.bus.read(base + 20, byteCount: 4) == 96)
  }

  @Test func `the endpoint is set behind the rings, and cleared by a reset`() throws {
    let vhost = FakeVhostDriver(features: Self.features)
    let fixture = try Fixture(vhost)
    let target = try Self.target()
    vhost.forget()
    try fixture.start()
    #expect(!fixture.needsReset)
    #expect(vhost.requests.first == .setFeatures(Self.features))
    for ring in 0..<3 { #expect(vhost.requests.contains(.setSize(ring: ring, 16))) }
    #expect(vhost.requests.last == .setEndpoint(target))
    vhost.forget()
    fixture.driver.setStatus(0)
    #expect(vhost.requests == [.clearEndpoint(target)])
  }

  @Test func `a target that another guest has taken since fails the device, not the machine`() throws {
    let vhost = FakeVhostDriver(features: Self.features)
    let fixture = try Fixture(vhost)
    let target = try Self.target()
    vhost.fail(.setEndpoint(target), .fileExists)
    try fixture.start()
    #expect(fixture.needsReset)
    #expect(vhost.requests.last == .clearEndpoint(target))
  }
}
