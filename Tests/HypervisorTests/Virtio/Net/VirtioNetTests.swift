import Hypervisor
import Testing
import VextProtocol

/// Frames in both directions, as a driver that keeps to the rules sees them.
@Suite struct VirtioNetTests {
  private typealias Feature = VirtioNetFixture.Feature

  @Test func `a network device says what it is`() throws {
    let fixture = try VirtioNetFixture(mtu: 1400)
    #expect(FakeVirtioDriver.register(fixture.driver.host, 0x00) == 0x1041_1AF4)
    #expect(FakeVirtioDriver.register(fixture.driver.host, 0x08) == 0x0200_0001)
    let bits = (0..<64).filter { fixture.driver.offeredFeatures() & 1 << UInt64($0) != 0 }
    #expect(Set([3, 5, 15, 16, 17, 18, 23, 28, 29, 32]).isSubset(of: bits))
    // A socket carries no virtio header, so that nothing unfinished may pass.
    #expect(Set([0, 1, 7, 8, 11, 12, 22]).isDisjoint(with: bits))
    let configuration = (0..<12).map { offset in
      UInt8(truncatingIfNeeded: fixture.driver.bus.read(fixture.driver.deviceBase + offset, byteCount: 1))
    }
    #expect(configuration == [0x02, 0x15, 0x15, 0x15, 0x15, 0x15, 1, 0, 1, 0, 0x78, 0x05])
  }

  @Test func `a frame that the guest sends arrives without its header`() throws {
    let fixture = try VirtioNetFixture()
    let frame = VirtioNetFixture.frame(1514)
    try fixture.offerTransmit(frame)
    #expect(fixture.peers[0].receive() == frame)
    #expect(try fixture.waitForUsed(1) == FakeVirtqueue.Used(head: 0, byteCount: 0))
    #expect(fixture.device.statistics == VirtioNetStatistics(sentFrames: 1))
  }

  @Test func `a header that is spread over several buffers is cut off all the same`() throws {
    let fixture = try VirtioNetFixture()
    let frame = VirtioNetFixture.frame(60)
    let base = VirtioNetFixture.buffer(1, 0)
    try fixture.memory.write([UInt8](repeating: 0, count: 12) + frame, at: GuestAddress(base))
    try fixture.queues[1].describeChain(
      0, readable: [(base, 5), (base + 5, 3), (base + 8, 10), (base + 18, 54)], writable: [])
    if try fixture.queues[1].offer(0) { fixture.driver.kick(1) }
    #expect(fixture.peers[0].receive() == frame)
  }

  @Test(arguments: [0, Feature.mergeableBuffers])
  func `a frame for the guest arrives behind a header with a count of one`(feature: UInt64) throws {
    let fixture = try VirtioNetFixture(features: Feature.version1 | feature)
    try fixture.memory.write(
      [UInt8](repeating: 0xEE, count: 2048), at: GuestAddress(VirtioNetFixture.buffer(0, 3)))
    try fixture.offerReceive(3, byteCount: 2048)
    let frame = VirtioNetFixture.frame(600)
    fixture.peers[0].send(frame)
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 3, byteCount: 612))
    #expect(
      try fixture.received(613, head: 3) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0] + frame + [0xEE])
    #expect(fixture.recorder.waitForInterrupt(1))
    #expect(fixture.device.statistics == VirtioNetStatistics(receivedFrames: 1))
  }

  @Test func `a frame fills as many mergeable buffers as it needs, and the next one goes on behind them`()
    throws
  {
    let fixture = try VirtioNetFixture(features: Feature.version1 | Feature.mergeableBuffers)
    for head: UInt16 in 0..<6 { try fixture.offerReceive(head, byteCount: 500) }
    let (first, second) = (VirtioNetFixture.frame(1400), VirtioNetFixture.frame(100, seed: 9))
    fixture.peers[0].send(first)
    fixture.peers[0].send(second)
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 0, byteCount: 500))
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 1, byteCount: 500))
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 2, byteCount: 412))
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 3, byteCount: 112))
    let whole =
      try fixture.received(500, head: 0) + fixture.received(500, head: 1) + fixture.received(412, head: 2)
    #expect(whole == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0] + first)
    #expect(try fixture.received(112, head: 3).dropFirst(12) == second[...])
  }

  @Test func `a frame waits for the buffers that it still needs, and is whole then`() throws {
    let fixture = try VirtioNetFixture(features: Feature.version1 | Feature.mergeableBuffers)
    try fixture.offerReceive(0, byteCount: 400)
    let frame = VirtioNetFixture.frame(1000)
    fixture.peers[0].send(frame)
    #expect(try fixture.settledUsed(0) == nil)
    try fixture.offerReceive(1, byteCount: 400)
    #expect(try fixture.settledUsed(0) == nil)
    try fixture.offerReceive(2, byteCount: 400)
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 0, byteCount: 400))
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 1, byteCount: 400))
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 2, byteCount: 212))
    let whole =
      try fixture.received(400, head: 0) + fixture.received(400, head: 1) + fixture.received(212, head: 2)
    #expect(whole == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0] + frame)
  }

  @Test func `frames that come before there are buffers wait, and arrive in their order`() throws {
    let fixture = try VirtioNetFixture()
    for seed: UInt8 in 0..<8 { fixture.peers[0].send(VirtioNetFixture.frame(64, seed: seed)) }
    #expect(try fixture.settledUsed(0) == nil)
    for seed: UInt8 in 0..<8 {
      try fixture.offerReceive(UInt16(seed), byteCount: 2048)
      #expect(try fixture.waitForUsed(0)?.head == UInt32(seed))
      #expect(
        try fixture.received(76, head: UInt16(seed)).dropFirst(12)
          == VirtioNetFixture.frame(64, seed: seed)[...])
    }
  }

  @Test func `a network that takes nothing for a while loses nothing`() throws {
    let fixture = try VirtioNetFixture()
    let frameCount = 1_000
    var completed = 0
    func offer(_ index: Int) throws {
      try fixture.offerTransmit(
        VirtioNetFixture.frame(9_000, seed: UInt8(truncatingIfNeeded: index)), head: UInt16(index % 16))
    }
    // The socket takes some hundred frames, then the queue stands still.
    var offered = 0
    while offered < 16 {
      try offer(offered)
      offered += 1
    }
    while let _ = try fixture.settledUsed(1) {
      completed += 1
      guard offered < frameCount else { break }
      try offer(offered)
      offered += 1
    }
    #expect(completed < frameCount)
    var received = 0
    while received < offered, let frame = fixture.peers[0].receive() {
      #expect(frame == VirtioNetFixture.frame(9_000, seed: UInt8(truncatingIfNeeded: received)))
      received += 1
    }
    #expect(received == offered)
    while completed < offered, try fixture.waitForUsed(1) != nil { completed += 1 }
    #expect(completed == offered)
    #expect(fixture.device.statistics.sendDrops == 0)
  }

  @Test func `a reset in the middle leaves a device that works`() throws {
    let fixture = try VirtioNetFixture(features: Feature.version1 | Feature.mergeableBuffers)
    for _ in 0..<50 {
      try fixture.offerReceive(0, byteCount: 100)
      fixture.peers[0].send(VirtioNetFixture.frame(300))
      try fixture.offerTransmit(VirtioNetFixture.frame(60))
      try fixture.start()
    }
    while fixture.peers[0].receive(milliseconds: 20) != nil {}
    for head: UInt16 in 0..<16 { try fixture.offerReceive(head, byteCount: 400) }
    fixture.peers[0].send(VirtioNetFixture.frame(77))
    var lengths: [UInt32] = []
    while let used = try fixture.waitForUsed(0) {
      lengths.append(used.byteCount)
      if used.byteCount == 89 { break }
    }
    #expect(lengths.last == 89)
    try fixture.offerTransmit(VirtioNetFixture.frame(61))
    #expect(fixture.peers[0].receive() == VirtioNetFixture.frame(61))
    #expect(!fixture.needsReset)
  }

  @Test func `the guest sees the cable pulled and plugged in`() throws {
    let fixture = try VirtioNetFixture()
    let status = fixture.driver.deviceBase + 6
    fixture.device.setLink(isUp: false)
    #expect(fixture.driver.bus.read(status, byteCount: 2) == 0)
    #expect(fixture.recorder.waitForInterrupt(0))
    fixture.device.setLink(isUp: true)
    #expect(fixture.driver.bus.read(status, byteCount: 2) == 1)
    #expect(fixture.recorder.waitForInterrupt(0))
  }
}
