import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// vextd's disks behind vhost-user, with front ends that keep the rules.
struct VhostUserBackEndTests {
  private typealias Request = VirtioBlockFixture.Request

  @Test(arguments: [IOThread.Waiting.adaptive, .events, .polling])
  func `two rings write and read`(waiting: IOThread.Waiting) throws {
    let service = try ServiceFixture(waiting: waiting, diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    try front.start(2)
    let data = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try front.offer(Request.out, sector: 3, head: 0, queue: 0, data: data)
    #expect(try front.answer(queue: 0)?.status == 0)
    try front.offer(Request.in, sector: 3, head: 3, queue: 1)
    let answer = try front.answer(queue: 1)
    #expect(answer?.head == 3 && answer?.status == 0 && answer?.data == data)
    #expect(eventually(within: 5) { front.call.isSignalled })
  }

  @Test func `features, queues and the configuration are those of the disk`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    let features = VirtioFeatures(
      rawValue: VhostUserMessage.longWords(try front.ask(.getFeatures))[0])
    #expect(
      features.isSuperset(of: [
        .version1, .eventIndex, .indirectDescriptors, .blockFlush, .blockMultiqueue, .blockWriteZeroes,
        .blockDiscard, .vhostUserProtocol,
      ]))
    #expect(
      VhostUserMessage.longWords(try front.ask(.getProtocolFeatures)) == [
        1 | 1 << 3 | 1 << 9 | 1 << 12 | 1 << 13
      ])
    let bytes = try front.ask(
      .getConfiguration, [0, 0, 0, 0, 96, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 9, count: 96))
    #expect(bytes.count == 12 + 96)
    let sectors = VhostUserMessage.longWords(Array(bytes[12..<20]))
    #expect(sectors == [UInt64(VirtioBlockFixture.diskByteCount / 512)])
    // Write-back, and zeroes behind the end.
    #expect(bytes[12 + 32] == 1 && bytes.suffix(36).allSatisfy { $0 == 0 })
  }

  @Test func `a request with a status is answered with zero`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    try front.send(
      .setProtocolFeatures,
      VhostUserMessage.payload(VhostUserProtocolFeatures.replyAcknowledgement.rawValue))
    var message = VhostUserMessage(.setOwner)
    message.flags |= VhostUserProtocol.Flag.needsReply
    try front.socket.send(message)
    #expect(try front.socket.receive().message == message.reply(VhostUserMessage.payload(0)))
    // The capacity cannot be written.
    var write = VhostUserMessage(.setConfiguration, payload: [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7])
    write.flags |= VhostUserProtocol.Flag.needsReply
    try front.socket.send(write)
    #expect(try front.socket.receive().message == write.reply(VhostUserMessage.payload(1)))
  }

  @Test func `a stopped ring reports its position and continues there`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    try front.start()
    for head in [0, 3, 6] as [UInt16] {
      try front.offer(Request.in, sector: 0, head: head)
      #expect(try front.answer()?.head == head)
    }
    #expect(
      try front.ask(.getVringBase, VhostUserMessage.payload(index: 0, number: 0)) == [0, 0, 0, 0, 3, 0, 0, 0])
    try front.offer(Request.in, sector: 0, head: 9)
    HostClock.sleep(nanoseconds: 20_000_000)
    #expect(try front.queues[0].takeUsed() == nil)
    try front.startRing(0, base: 3)
    #expect(try front.answer()?.head == 9)
  }

  @Test func `another call and another memory table while the ring is served`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    try front.start()
    try front.offer(Request.in, sector: 0, head: 0)
    #expect(try front.answer()?.status == 0)
    let call = try EventDescriptor()
    try front.send(.setVringCall, VhostUserMessage.payload(0), descriptors: [call.rawValue])
    try front.flush()
    call.drain()
    // The driver wants an interrupt for the second answer, too.
    let event = front.queues[0].layout.availableRing.rawValue + 4 + 2 * UInt64(FrontEnd.queueSize)
    try front.memory.store(1 as UInt16, at: GuestAddress(event))
    try front.offer(Request.in, sector: 0, head: 3)
    #expect(try front.answer()?.status == 0)
    #expect(eventually(within: 5) { call.isSignalled })
    // Three regions instead of one, the second without the ring.
    let base = FrontEnd.userBase
    try front.share([
      [0, 4 << 20, base, 0], [4 << 20, 2 << 20, base + 4 << 20, 4 << 20],
      [6 << 20, 2 << 20, base + 6 << 20, 6 << 20],
    ])
    try front.offer(Request.in, sector: 0, head: 6)
    #expect(try front.answer()?.status == 0)
  }

  @Test func `a ring without a kick is polled`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    try front.start()
    try front.send(.setVringKick, VhostUserMessage.payload(VhostUserProtocol.noDescriptorFlag))
    try front.flush()
    try front.offer(Request.in, sector: 0, head: 0)
    #expect(try front.answer()?.status == 0)
  }

  @Test func `the mode of the cache stays when the features are negotiated again`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    let field: [UInt8] = [32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    try front.send(.setConfiguration, field + [0])
    try front.start()
    #expect(try front.ask(.getConfiguration, field + [9]).last == 0)
    try front.send(.resetDevice)
    #expect(try front.ask(.getConfiguration, field + [9]).last == 1)
  }

  @Test func `a disk that can be written has one front end at a time, and is free when it has left`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    do {
      let first = try FrontEnd(service.service)
      try first.flush()
      let second = try FrontEnd(service.service)
      #expect(second.hasEnded())
      #expect(service.logged.waitForLine(containing: "may not open the disk"))
    }
    #expect(service.waitForClients(0))
    let third = try FrontEnd(service.service)
    try third.flush()
    // Two readers at once.
    let one = try FrontEnd(service.service, disk: "ro")
    let other = try FrontEnd(service.service, disk: "ro")
    try one.flush()
    try other.flush()
    #expect(service.service.snapshot().clients.count == 3)
  }

  @Test func `detaching the disk ends its front end`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    try front.flush()
    try service.service.detach("rw")
    #expect(front.hasEnded())
  }

  @Test func `a successor finishes the requests that were noted as in flight, in their order`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let region = try VhostInflightRegion(queueCount: 1, queueSize: FrontEnd.queueSize)
    let notes = try #require(region.queue(0, size: FrontEnd.queueSize))
    let front = try FrontEnd(service.service)
    front.queues = [
      try FakeVirtqueue(memory: front.memory, base: 0x1_0000, size: FrontEnd.queueSize, usesEventIndex: true)
    ]
    // A predecessor took three requests, answered the first, and noted that only in part.
    #expect(notes.recover(usedIndex: 0) == [])
    for head in [0, 6, 3] as [UInt16] {
      try front.offer(Request.in, sector: 0, head: head)
      notes.begin(head)
    }
    notes.end(0)
    let used = front.queues[0].layout.usedRing
    try front.memory.store(0 as UInt64, at: GuestAddress(used.rawValue + 4))
    try front.memory.store(1 as UInt16, at: GuestAddress(used.rawValue + 2))
    #expect(try front.queues[0].takeUsed()?.head == 0)
    try front.offer(Request.in, sector: 0, head: 9)
    try front.send(.setInflight, region.description.encoded, descriptors: [region.descriptor])
    // The base of the front end is the used index.
    try front.start(base: 1)
    var heads: [UInt16?] = []
    for _ in 0..<3 { heads.append(try front.answer()?.head) }
    #expect(heads == [6, 3, 9])
    try front.flush()
    _ = try front.ask(.getVringBase, VhostUserMessage.payload(index: 0, number: 0))
    #expect(try #require(region.queue(0, size: FrontEnd.queueSize)).recover(usedIndex: 4) == [])
  }

  @Test func `the memory for requests in flight is sealed and as large as it says`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    let wanted = VhostUserInflight.Description(byteCount: 0, offset: 0, queueCount: 2, queueSize: 128)
    try front.send(.getInflight, wanted.encoded)
    var received = try front.socket.receive()
    let description = try VhostUserInflight.Description(received.message)
    guard let descriptor = received.packet.takeDescriptor() else { throw Errno.badFileDescriptor }
    let file = try SharedMemoryFile(checking: descriptor)
    #expect(file.byteCount == description.byteCount && description.queueCount == 2)
  }

  @Test func `a front end of ours gets its answers from a back end of ours, and a reset is complete`() throws
  {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let fixture = try VhostUserLoop(service)
    for _ in 0..<2 {
      try fixture.start()
      let data = [UInt8](repeating: 0x5A, count: 512)
      #expect(try fixture.request(Request.out, sector: 1, data) == 0)
      #expect(try fixture.request(Request.in, sector: 1, [UInt8](repeating: 0, count: 512)) == 0)
      #expect(try fixture.memory.read(512, at: GuestAddress(VirtioBlockFixture.data)) == data)
      fixture.driver.setStatus(0)
      #expect(fixture.driver.status == 0)
    }
  }
}
