import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// vextd's service and a VMM's side of it, in one process.
@Suite struct VextServiceTests {
  @Test func `requests of a guest go through the service`() throws {
    let fixture = try ServiceFixture()
    let machine = try fixture.machine()
    #expect(try machine.readsWell())
    let bytes = (0..<1024).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try machine.memory.write(bytes, at: GuestAddress(VextFixture.data))
    let write = try machine.driver.perform(
      VextFixture.entry(.write, id: 3, offset: 0x4000, byteCount: 1024))
    #expect(write.status == 0 && write.byteCount == 1024)
    #expect(fixture.disk.read(0x4000, 1024) == bytes)
    #expect(
      try machine.driver.perform(VextSubmissionEntry(operation: VextOperation.flush.rawValue, id: 4)).status
        == 0)
    let statistics = machine.device.statistics
    #expect(statistics.reads == 1 && statistics.writes == 1 && statistics.flushes == 1)
    #expect(statistics.writtenBytes == 1024)
    try machine.client.close()
    #expect(fixture.waitForClients(0))
  }

  @Test func `the registers are those of a device whose queues this process serves`() throws {
    let fixture = try ServiceFixture()
    let served = try fixture.machine(queueCount: 2)
    let thread = try IOThread(name: "vext-test", cpus: nil, waiting: .polling, engine: .sync)
    defer { thread.stop() }
    let own = try VextFixture(server: thread, queueCount: 2)
    for offset in stride(from: 0, to: 0x1100, by: 8) as StrideTo<UInt64> {
      #expect(
        served.device.readBAR(0, offset: offset, byteCount: 8)
          == own.device.readBAR(0, offset: offset, byteCount: 8),
        "at \(offset)")
    }
  }

  @Test func `two guests read and write at once, and several queues of each`() throws {
    let fixture = try ServiceFixture()
    let writer = try fixture.machine("rw", queueCount: 4)
    let reader = try fixture.machine("ro", queueCount: 4)
    for _ in 0..<200 {
      for (one, other) in zip(writer.drivers, reader.drivers) {
        #expect(try writer.readsWell(one))
        #expect(try reader.readsWell(other))
      }
    }
    #expect(fixture.service.clientCount == 2)
    #expect(
      fixture.service.list().contains("disk rw 1048576 bytes, blocks of 512, rw, buffered, clients: 1\n"))
    #expect(fixture.service.metrics().contains("_rw_reads 800\n"))
  }

  @Test func `a guest's mistake stops its queue with the error that it has in one process`() throws {
    let fixture = try ServiceFixture()
    let machine = try fixture.machine(queueCount: 2)
    var entry = VextFixture.entry(.read, id: 5)
    entry.offset = 1
    machine.driver.push(entry)
    #expect(machine.driver.waitUntilStopped())
    #expect(machine.driver.error == .misaligned)
    #expect(machine.driver.errorDetail == 0)
    #expect(try machine.readsWell(machine.drivers[1]))
    try machine.driver.restart()
    #expect(machine.driver.state == .enabled)
    #expect(try machine.readsWell())
  }

  @Test(
    arguments: [
      (VextQueueError.badDepth, 0x1_0000, 0x2_0000, 3), (.badDepth, 0x1_0000, 0x2_0000, 2048),
      (.misalignedRing, 0x1_0008, 0x2_0000, 16), (.ringOutsideMemory, UInt64.max - 63, 0x2_0000, 16),
      (.ringOutsideMemory, 0x1_0000, VextFixture.memoryByteCount - 64, 16),
      (.ringsOverlap, 0x1_0000, 0x1_0000, 16),
    ] as [(VextQueueError, UInt64, UInt64, UInt64)])
  func `a queue that cannot be enabled says why`(
    error: VextQueueError, submissions: UInt64, completions: UInt64, depth: UInt64
  ) throws {
    let fixture = try ServiceFixture()
    let machine = try fixture.machine()
    machine.driver.disable()
    machine.driver.register(submissionRing: submissions, completionRing: completions, depth: depth)
    #expect(machine.driver.state == .disabled)
    #expect(machine.driver.error == error)
    try machine.driver.enable()
    #expect(try machine.readsWell())
  }

  @Test func `a disk that can be written has one client, and one that cannot has many`() throws {
    let fixture = try ServiceFixture()
    let writer = try fixture.machine("rw")
    #expect(throws: VextServiceError.inUse(path: "test", name: "rw")) { try fixture.machine("rw") }
    let readers = try (0..<3).map { _ in try fixture.machine("ro") }
    for reader in readers { #expect(try reader.readsWell()) }
    #expect(throws: VextServiceError.noSuchDisk(path: "test", name: "other")) { try fixture.machine("other") }
    try writer.client.close()
    #expect(fixture.waitForClients(3))
    #expect(try fixture.machine("rw").readsWell())
  }

  @Test func `user and group decide whether a client may open a disk`() throws {
    let fixture = try ServiceFixture()
    let image = try DiskImage(path: fixture.disk.path, readOnly: true, direct: false)
    let disk = try #require(VextServiceDisk(name: "d", image: image, ownerID: 1000, groupID: 50))
    func admits(user: UInt32, groups: [UInt32]) -> Bool {
      disk.admits(SocketPeer(processID: 1, userID: user, groupIDs: groups))
    }
    #expect(
      admits(user: 0, groups: [0]) && admits(user: 1000, groups: [7]) && admits(user: 7, groups: [7, 50]))
    #expect(!admits(user: 7, groups: [7, 1000]) && !admits(user: 50, groups: []))
    #expect(VextServiceDisk(name: "a/b", image: image, ownerID: 0) == nil)
    #expect(VextServiceDisk(name: "", image: image, ownerID: 0) == nil)
  }

  @Test func `memory of one process cannot be served`() throws {
    let fixture = try ServiceFixture()
    let memory = try GuestMemory(byteCount: VextFixture.memoryByteCount)
    #expect(throws: VextServiceError.privateMemory) {
      _ = try VextServiceClient(
        VextServiceConnection(path: "test", socket: fixture.connect()), disk: "rw", memory: memory,
        machine: "test"
      ).geometry
    }
    #expect(fixture.waitForClients(0))
  }

  @Test func `a guest whose service ends gets EIO for what it has and what it submits`() throws {
    let fixture = try ServiceFixture()
    let machine = try fixture.machine(queueCount: 2)
    #expect(try machine.readsWell())
    fixture.service.stop()
    for round in 0..<40 {
      for driver in machine.drivers {
        let answer = try driver.perform(VextFixture.entry(.read, id: UInt16(round % 16)))
        #expect(answer.status == UInt16(Errno.ioError.rawValue) && answer.id == UInt16(round % 16))
      }
    }
    // A queue cannot be enabled any more, and disabling returns.
    machine.driver.disable()
    try machine.driver.enable()
    #expect(machine.driver.state == .disabled)
    #expect(machine.driver.error == .outOfResources)
    #expect(throws: Errno.connectionReset) { try machine.client.close() }
  }

  @Test func `a client that leaves with requests in flight is freed, and its neighbour goes on`() throws {
    let fixture = try ServiceFixture(engine: .libaio)
    let neighbour = try fixture.machine("ro")
    for _ in 0..<20 {
      #expect(fixture.waitForClients(1))
      let machine = try fixture.machine("rw", queueCount: 4)
      for driver in machine.drivers {
        for id in 0..<16 as Range<UInt16> {
          driver.push(VextFixture.entry(.read, id: id, byteCount: 64 << 10))
        }
      }
      #expect(try neighbour.readsWell())
    }
    #expect(fixture.waitForClients(1))
    #expect(try fixture.machine("rw").readsWell())
  }
}
