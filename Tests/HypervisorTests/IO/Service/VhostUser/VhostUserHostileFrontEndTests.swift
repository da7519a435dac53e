import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// vextd's disks behind vhost-user, with front ends that break the rules: each ends alone, with a line in the log.
struct VhostUserHostileFrontEndTests {
  /// Messages that end the connection of a front end that has done nothing yet.
  enum Violation: CaseIterable, Sendable {
    case garbage, version, length, reply, unknownRequest, featureNotOffered, protocolFeatureNotOffered
    case sizeNotPower, sizeTooLarge, ringTooLarge, baseTooLarge, loggedRing, noDescriptor, strangeDescriptor
    case twoDescriptors, descriptorsOfOthers, noRegions, nineRegions, configurationTooLong, inflightOfNoQueue
    case inflightOfOtherMemory, enabledTwice
  }

  private static func violate(_ violation: Violation, _ front: FrontEnd) throws {
    let event = try EventDescriptor()
    func state(_ index: Int, _ number: UInt32) -> [UInt8] {
      VhostUserMessage.payload(index: index, number: number)
    }
    switch violation {
    case .garbage:
      try front.socket.stream.send(
        [UInt8](repeating: 0xA5, count: 512), deadline: HostClock.monotonicNanoseconds() &+ 1_000_000_000)
    case .version: try front.socket.send(VhostUserMessage(request: 1, flags: 2))
    case .length:
      try front.socket.stream.send(
        [1, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255],
        deadline: HostClock.monotonicNanoseconds() &+ 1_000_000_000)
    case .reply: try front.socket.send(VhostUserMessage(.getFeatures).reply([]))
    case .unknownRequest: try front.socket.send(VhostUserMessage(request: 99, flags: 1))
    case .featureNotOffered: try front.send(.setFeatures, VhostUserMessage.payload(1 << 34))
    case .protocolFeatureNotOffered: try front.send(.setProtocolFeatures, VhostUserMessage.payload(1 << 1))
    case .sizeNotPower: try front.send(.setVringSize, state(0, 12))
    case .sizeTooLarge: try front.send(.setVringSize, state(0, 2048))
    case .ringTooLarge: try front.send(.setVringBase, state(64, 0))
    case .baseTooLarge: try front.send(.setVringBase, state(0, 1 << 16))
    case .loggedRing:
      try front.send(.setVringAddress, FrontEnd.addresses(0, VirtqueueLayout(size: 16), flags: 1))
    case .noDescriptor: try front.send(.setVringCall, VhostUserMessage.payload(0))
    case .strangeDescriptor: try front.send(.setOwner, descriptors: [event.rawValue])
    case .twoDescriptors:
      try front.send(
        .setVringKick, VhostUserMessage.payload(0), descriptors: [event.rawValue, event.rawValue])
    case .descriptorsOfOthers:
      try front.share(descriptors: [event.rawValue])
    case .noRegions: try front.share([])
    case .nineRegions: try front.share((0..<9).map { [$0 << 20, 1 << 20, $0 << 20, $0 << 20] })
    case .configurationTooLong:
      try front.send(
        .getConfiguration, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 256))
    case .inflightOfNoQueue:
      let none = VhostUserInflight.Description(byteCount: 0, offset: 0, queueCount: 0, queueSize: 128)
      try front.send(.getInflight, none.encoded)
    case .inflightOfOtherMemory:
      let description = VhostUserInflight.Description(
        byteCount: 1 << 40, offset: 0, queueCount: 1, queueSize: 128)
      try front.send(
        .setInflight, description.encoded, descriptors: [front.memory.sharedDescriptor ?? -1])
    case .enabledTwice: try front.send(.setVringEnabled, state(0, 2))
    }
  }

  @Test(arguments: Violation.allCases)
  func `a violation ends its front end and no other`(violation: Violation) throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let honest = try FrontEnd(service.service, disk: "ro")
    try honest.start()
    let hostile = try FrontEnd(service.service)
    try hostile.flush()
    try Self.violate(violation, hostile)
    #expect(hostile.hasEnded())
    #expect(service.logged.waitForLine(containing: "vhost-user client 2 of disk rw"))
    try honest.offer(VirtioBlockFixture.Request.in, sector: 0, head: 0)
    #expect(try honest.answer()?.status == 0)
    #expect(service.waitForClients(1))
  }

  @Test(
    arguments: [
      // Empty, not of whole pages, behind the end of the file, at the end of the address space.
      [[0, 0, 0, 0]], [[0, 4096, 0, 0], [8192, 100, 8192, 4096]], [[0, 16 << 20, 0, 0]],
      [[0, 4096, 0, 8 << 20]],
      [[UInt64.max - 4095, 4096, 0, 0]], [[0, UInt64.max, 0, 0]],
      // Overlapping guest addresses.
      [[0, 2 << 20, 0, 0], [1 << 20, 2 << 20, 2 << 20, 4 << 20]],
      [[0, 8192, 0, 0], [0, 8192, 8192, 8192], [16384, 4096, 0, 0]],
    ] as [[[UInt64]]])
  func `a memory table with a bad region is refused`(regions: [[UInt64]]) throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    try front.share(regions)
    #expect(front.hasEnded())
    #expect(service.logged.waitForLine(containing: "its memory was refused"))
  }

  @Test func `memory that can shrink is refused, and the log says what to use`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    let file = try MemoryFile(name: "unsealed", byteCount: 8 << 20)
    try front.share(descriptors: [file.descriptor])
    #expect(front.hasEnded())
    #expect(service.logged.waitForLine(containing: "use memory-backend-memfd with share=on"))
  }

  @Test func `a ring outside of the shared memory ends the front end`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    try front.start()
    try front.flush()
    _ = try front.ask(.getVringBase, VhostUserMessage.payload(index: 0, number: 0))
    try front.send(.setVringAddress, FrontEnd.addresses(0, front.queues[0].layout, base: 0))
    try front.send(.setVringKick, VhostUserMessage.payload(0), descriptors: [front.kick.rawValue])
    #expect(front.hasEnded())
  }

  @Test func `a ring is not changed while it is served`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    try front.start()
    try front.send(.setVringSize, VhostUserMessage.payload(index: 0, number: 8))
    #expect(front.hasEnded())
  }

  @Test func `an eventfd that is a pipe is refused`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    try front.start()
    try front.send(
      .setVringCall, VhostUserMessage.payload(0), descriptors: [front.memory.sharedDescriptor ?? -1])
    #expect(front.hasEnded())
  }

  @Test func `a malformed chain stops its ring and signals the error's eventfd`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    let error = try EventDescriptor()
    try front.start(2)
    try front.send(.setVringError, VhostUserMessage.payload(0), descriptors: [error.rawValue])
    try front.flush()
    error.drain()
    // A head that no descriptor has.
    try front.queues[0].offer([77])
    front.kick.signal()
    #expect(eventually(within: 5) { error.isSignalled })
    #expect(service.logged.waitForLine(containing: "queue 0 has stopped"))
    try front.offer(VirtioBlockFixture.Request.in, sector: 0, head: 0, queue: 1)
    #expect(try front.answer(queue: 1)?.status == 0)
  }

  @Test func `notes of requests in flight that are garbage harm the front end alone`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let front = try FrontEnd(service.service)
    let region = try VhostInflightRegion(queueCount: 1, queueSize: FrontEnd.queueSize)
    var generator = SplitMix64(seed: 7)
    let garbage = (0..<region.description.byteCount / 8).map { _ in generator.next() }
    try unsafe garbage.withUnsafeBytes { bytes in
      try #require(unsafe pwrite(region.descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count)
    }
    try front.send(.setInflight, region.description.encoded, descriptors: [region.descriptor])
    try front.start()
    try front.flush()
    let other = try FrontEnd(service.service, disk: "ro")
    try other.flush()
  }

  @Test func `half a message keeps no other front end from being served`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    let slow = try FrontEnd(service.service)
    try slow.socket.stream.send([1, 0, 0], deadline: HostClock.monotonicNanoseconds() &+ 1_000_000_000)
    let other = try FrontEnd(service.service, disk: "ro")
    try other.flush()
  }

  /// A front end, as soon as the service has ended enough of the connections before it to take one more.
  private func connected(to service: ServiceFixture) throws -> FrontEnd {
    for _ in 0..<500 {
      if let front = try? FrontEnd(service.service, disk: "ro") { return front }
      HostClock.sleep(nanoseconds: 10_000_000)
    }
    return try FrontEnd(service.service, disk: "ro")
  }

  @Test func `seeded garbage in every request leaves the service running`() throws {
    let service = try ServiceFixture(diskByteCount: VirtioBlockFixture.diskByteCount)
    var generator = SplitMix64(seed: 99)
    for _ in 0..<300 {
      let front = try connected(to: service)
      do throws(VhostUserError) {
        for _ in 0..<8 {
          let request = UInt32(generator.next() % 40)
          let payload = (0..<Int(generator.next() % 6) * 8).map { _ in
            UInt8(truncatingIfNeeded: generator.next() % 3)
          }
          try front.socket.send(VhostUserMessage(request: request, flags: 1, payload: payload))
        }
      } catch {
        // The service has ended the connection already.
        #expect(error == .closed)
      }
    }
    let front = try connected(to: service)
    try front.flush()
  }
}
