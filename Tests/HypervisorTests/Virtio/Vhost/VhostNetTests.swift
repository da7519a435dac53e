import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// The network device with a vhost driver for each pair of queues.
struct VhostNetTests {
  private typealias Feature = VirtioNetFixture.Feature
  private static let driverFeatures: VirtioFeatures = [
    .indirectDescriptors, .eventIndex, .version1, .anyLayout, .netMergeableBuffers,
  ]
  /// VIRTIO_F_VERSION_1 and VIRTIO_NET_F_MRG_RXBUF; the vhost driver makes the header, because a socket has none.
  private static let negotiated = VirtioFeatures(
    rawValue: Feature.version1 | Feature.mergeableBuffers | 1 << 27)

  private static func fixture(
    pairCount: Int = 1, vhost: [FakeVhostDriver], features: UInt64 = .max
  ) throws -> VirtioNetFixture {
    try VirtioNetFixture(pairCount: pairCount, vhost: vhost, features: features & ~(1 << 28 | 1 << 29))
  }

  @Test func `the vhost driver gets both rings of the pair, and then the tap`() throws {
    let vhost = FakeVhostDriver(features: Self.driverFeatures)
    let fixture = try Self.fixture(vhost: [vhost])
    #expect(!fixture.needsReset)
    let requests = vhost.requests
    #expect(requests.contains(.setFeatures(Self.negotiated)))
    let table = VhostMemoryTable(fixture.memory)
    for ring in 0..<2 {
      let address = try #require(table.address(of: fixture.queues[ring].layout))
      #expect(requests.contains(.setAddress(ring: ring, address)))
    }
    let tap = fixture.device.ports[0].rawValue
    #expect(requests.suffix(2) == [.setTap(ring: 0, tap), .setTap(ring: 1, tap)])
  }

  @Test func `a vhost driver without mergeable buffers takes the feature from the guest`() throws {
    let fixture = try Self.fixture(
      vhost: [FakeVhostDriver(features: Self.driverFeatures.subtracting(.netMergeableBuffers))])
    #expect(fixture.device.features.contains(.netStatus))
    #expect(!fixture.device.features.contains(.netMergeableBuffers))
  }

  @Test func `a reset takes the tap from both rings before the driver reads a status of zero`() throws {
    let vhost = FakeVhostDriver(features: Self.driverFeatures)
    let fixture = try Self.fixture(vhost: [vhost])
    vhost.forget()
    vhost.setBase(9, ofRing: 0)
    fixture.driver.setStatus(0)
    #expect(fixture.driver.status == 0)
    #expect(vhost.requests == [.setTap(ring: 0, nil), .setTap(ring: 1, nil)])
    try fixture.start()
    // A new driver begins its rings at entry 0.
    #expect(vhost.requests.contains(.setBase(ring: 0, 0)))
    #expect(!vhost.requests.contains(.setBase(ring: 0, 9)))
  }

  @Test func `the control queue turns the second pair on, off and on again where it was`() throws {
    let vhost = [
      FakeVhostDriver(features: Self.driverFeatures), FakeVhostDriver(features: Self.driverFeatures),
    ]
    let fixture = try Self.fixture(pairCount: 2, vhost: vhost)
    let tap = fixture.device.ports[1].rawValue
    #expect(!vhost[1].requests.contains(.setTap(ring: 0, tap)))
    #expect(try fixture.command([4, 0, 2, 0], queue: 4) == 0)
    #expect(vhost[1].requests.suffix(2) == [.setTap(ring: 0, tap), .setTap(ring: 1, tap)])
    vhost[0].forget()
    vhost[1].forget()
    vhost[1].setBase(5, ofRing: 1)
    #expect(try fixture.command([4, 0, 1, 0], queue: 4) == 0)
    #expect(vhost[1].requests == [.setTap(ring: 0, nil), .setTap(ring: 1, nil)])
    #expect(try fixture.command([4, 0, 2, 0], queue: 4) == 0)
    #expect(vhost[1].requests.contains(.setBase(ring: 1, 5)))
    // The first pair went on all the time.
    #expect(vhost[0].requests.isEmpty)
  }

  @Test func `a tap that the vhost driver refuses is reported to the guest`() throws {
    let vhost = FakeVhostDriver(features: Self.driverFeatures)
    let fixture = try Self.fixture(vhost: [vhost])
    vhost.fail(.setTap(ring: 1, fixture.device.ports[0].rawValue), .badFileDescriptor)
    try fixture.start()
    #expect(fixture.needsReset)
    #expect(vhost.requests.suffix(2) == [.setTap(ring: 0, nil), .setTap(ring: 1, nil)])
    #expect(fixture.logged.waitForLine(containing: "VHOST_NET_SET_BACKEND: Bad file descriptor"))
  }

  @Test func `a card whose frames the vhost driver moves has no counters`() throws {
    let fixture = try Self.fixture(vhost: [FakeVhostDriver(features: Self.driverFeatures)])
    #expect(!fixture.device.countsFrames)
    #expect(try VirtioNetFixture().device.countsFrames)
    var metrics = GuestMetrics(exits: ExitCounts())
    metrics.networks = [nil, VirtioNetStatistics(sentFrames: 1)]
    #expect(!metrics.text.contains("net0_"))
    #expect(metrics.text.contains("net1_sent_frames: 1\n"))
  }

  @Test func `a driver without MSI-X gets its interrupts through the device thread`() throws {
    let vhost = FakeVhostDriver(features: Self.driverFeatures)
    let fixture = try Self.fixture(vhost: [vhost])
    fixture.driver.disableMSIX()
    try fixture.start()
    let call = try #require(
      vhost.descriptor { if case .setCall(ring: 0, let event) = $0 { event } else { nil } })
    VirtioEventRecorder.signal(call)
    #expect(
      eventually(within: 5) { fixture.memoryBus.read(fixture.driver.isrBase, byteCount: 1) & 1 == 1 })
  }
}
