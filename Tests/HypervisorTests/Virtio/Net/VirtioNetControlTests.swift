import Hypervisor
import Testing
import VextProtocol

/// The control queue, and the pairs of queues that it turns on.
@Suite struct VirtioNetControlTests {
  private typealias Feature = VirtioNetFixture.Feature
  private static let (ok, error): (UInt8, UInt8) = (0, 1)

  @Test func `receive modes and filters are accepted`() throws {
    let fixture = try VirtioNetFixture()
    #expect(try fixture.command([0, 0, 1]) == Self.ok)
    #expect(try fixture.command([0, 1, 0]) == Self.ok)
    let group: [UInt8] = [0x33, 0x33, 0, 0, 0, 1]
    #expect(try fixture.command([1, 0, 0, 0, 0, 0, 1, 0, 0, 0] + group) == Self.ok)
  }

  @Test func `the guest takes another address`() throws {
    let fixture = try VirtioNetFixture()
    #expect(try fixture.command([1, 1, 2, 0, 0, 0, 0, 9]) == Self.ok)
    #expect(fixture.device.address == MACAddress([2, 0, 0, 0, 0, 9]))
    #expect(fixture.driver.bus.read(fixture.driver.deviceBase + 5, byteCount: 1) == 9)
    // A group's address is nobody's.
    #expect(try fixture.command([1, 1, 3, 0, 0, 0, 0, 9]) == Self.error)
    #expect(fixture.device.address == MACAddress([2, 0, 0, 0, 0, 9]))
  }

  @Test(
    arguments: [
      [], [0], [0, 0], [0, 0, 2], [0, 2, 1], [1, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0],
      [1, 0, 1, 0, 0, 0, 2, 2, 2, 2, 2, 2, 0, 0, 0], [1, 0, 255, 255, 255, 255, 0, 0, 0, 0],
      [1, 0, 0, 0, 0, 0, 255, 255, 255, 255], [1, 1, 2, 0, 0, 0, 0], [1, 9], [2, 0, 1, 0], [3, 0], [4, 0],
      [4, 0, 1],
      [4, 0, 0, 0], [4, 0, 2, 0], [4, 0, 1, 128], [4, 1, 1, 0], [200, 200, 0],
    ] as [[UInt8]])
  func `a command that is unknown, cut short or out of range is an error, and the queue goes on`(
    bytes: [UInt8]
  ) throws {
    let fixture = try VirtioNetFixture()
    #expect(try fixture.command(bytes) == Self.error)
    #expect(try fixture.command([0, 0, 1]) == Self.ok)
    #expect(!fixture.needsReset)
  }

  @Test func `a command without a byte for the answer is done and not answered`() throws {
    let fixture = try VirtioNetFixture()
    #expect(try fixture.command([1, 1, 2, 0, 0, 0, 0, 9], statusByteCount: 0) == nil)
    #expect(fixture.device.address == MACAddress([2, 0, 0, 0, 0, 9]))
    #expect(try fixture.command([0, 0, 1]) == Self.ok)
  }

  @Test func `a pair serves from the command that turns it on to the one that turns it off`() throws {
    let fixture = try VirtioNetFixture(pairCount: 3)
    #expect(fixture.queues.count == 7)
    #expect(fixture.driver.bus.read(fixture.driver.deviceBase + 8, byteCount: 2) == 3)
    try fixture.offerReceive(0, byteCount: 2048, queue: 2)
    fixture.peers[1].send(VirtioNetFixture.frame(60))
    #expect(try fixture.settledUsed(2) == nil)
    #expect(try fixture.command([4, 0, 3, 0], queue: 6) == Self.ok)
    #expect(try fixture.waitForUsed(2) == FakeVirtqueue.Used(head: 0, byteCount: 72))
    try fixture.offerTransmit(VirtioNetFixture.frame(80), queue: 5)
    #expect(fixture.peers[2].receive() == VirtioNetFixture.frame(80))
    #expect(try fixture.waitForUsed(5) != nil)

    #expect(try fixture.command([4, 0, 1, 0], queue: 6) == Self.ok)
    try fixture.offerReceive(0, byteCount: 2048, queue: 2)
    fixture.peers[1].send(VirtioNetFixture.frame(61))
    #expect(try fixture.settledUsed(2) == nil)
    try fixture.offerTransmit(VirtioNetFixture.frame(81))
    #expect(fixture.peers[0].receive() == VirtioNetFixture.frame(81))

    #expect(try fixture.command([4, 0, 2, 0], queue: 6) == Self.ok)
    #expect(try fixture.waitForUsed(2) == FakeVirtqueue.Used(head: 0, byteCount: 73))
    #expect(try fixture.command([4, 0, 4, 0], queue: 6) == Self.error)
  }

  @Test func `a driver without several pairs finds the control queue behind the first`() throws {
    let fixture = try VirtioNetFixture(pairCount: 2, features: Feature.version1 | Feature.controlQueue)
    #expect(try fixture.command([0, 0, 1], queue: 2) == Self.ok)
    #expect(try fixture.command([4, 0, 2, 0], queue: 2) == Self.error)
  }
}
