import Foundation
import HostSystem
import Hypervisor
import Testing
import VextProtocol

/// The life of an I/O thread, and its fairness.
@Suite(.serialized) struct IOThreadTests {
  @Test func `a thread that has ended answers every call at once`() throws {
    let thread = try IOThread(name: "ended", cpus: nil, waiting: .polling, engine: .null)
    let fixture = try VextFixture(server: thread)
    thread.stop()
    thread.stop()
    fixture.device.shutDown()
    try fixture.driver.enable()
    #expect(fixture.driver.state == .enabled)
    fixture.device.shutDown()
    #expect(fixture.driver.state == .disabled)
  }

  @Test func `a thread that nobody refers to any more ends`() throws {
    func threadNames() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").compactMap {
        try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)
      }
    }
    do {
      let thread = try IOThread(name: "forgotten", cpus: nil, waiting: .polling, engine: .null)
      #expect(try eventually { try threadNames().contains("forgotten\n") })
      withExtendedLifetime(thread) {}
    }
    #expect(try eventually { try !threadNames().contains("forgotten\n") })
  }

  @Test(arguments: TestedEngines.movers)
  func `registered disks and memories serve queues that come and go, and others beside them`(
    engine: BlockEngineKind
  ) throws {
    let thread = try IOThread(name: "register", cpus: nil, waiting: .polling, engine: engine)
    defer { thread.stop() }
    let registered = try VextFixture(server: thread, enables: false)
    let plain = try VextFixture(server: thread, enables: false)
    thread.register(disk: registered.image, memory: registered.memory)
    thread.register(disk: registered.image, memory: registered.memory)
    for round in 0..<5 as Range<UInt64> {
      for fixture in [registered, plain] {
        try fixture.driver.enable()
        #expect(try fixture.readsWell(fixture.driver))
        try fixture.memory.write(
          [UInt8](repeating: UInt8(round + 1), count: 1024), at: GuestAddress(VextFixture.data))
        #expect(
          try fixture.driver.perform(
            VextFixture.entry(.write, offset: round * 4096, byteCount: 1024)
          ).status == 0)
        #expect(
          fixture.disk.read(Int(round) * 4096, 1024) == [UInt8](repeating: UInt8(round + 1), count: 1024))
        // Two segments are a vector, which no registered buffer serves.
        var split = VextFixture.entry(.read, offset: round * 4096, byteCount: 512)
        split.segment1 = VextSegment(address: GuestAddress(VextFixture.data + 0x1_0000), byteCount: 512)
        #expect(try fixture.driver.perform(split).byteCount == 1024)
        #expect(
          try fixture.bytes(512, at: VextFixture.data + 0x1_0000)
            == [UInt8](repeating: UInt8(round + 1), count: 512))
        let range = VextSubmissionEntry(
          operation: VextOperation.writeZeroes.rawValue, id: 2, offset: round * 4096, length: 1024)
        #expect(try fixture.driver.perform(range).byteCount == 1024)
        #expect(fixture.disk.read(Int(round) * 4096, 1024) == [UInt8](repeating: 0, count: 1024))
        fixture.driver.disable()
      }
    }
  }

  @Test func `discards and zeroes are bounded, and the device announces the bound`() throws {
    let path = NSTemporaryDirectory() + "vext-range-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    let file = try #require(FileHandle(forUpdatingAtPath: path))
    try file.truncate(atOffset: 4 << 30)
    let thread = try IOThread(name: "ranges", cpus: nil, waiting: .polling, engine: .null)
    defer { thread.stop() }
    let memory = try GuestMemory(byteCount: 1 << 20)
    let device = VextDevice(
      name: "ranges", disk: try DiskImage(path: path, readOnly: false, direct: false), queueCount: 1,
      memory: memory, servers: [thread])
    defer { device.shutDown() }
    let bound = device.readBAR(0, offset: VextRegister.maxRangeByteCount, byteCount: 4)
    #expect(bound == 1 << 30)
    let driver = FakeVextDriver(device: device, memory: memory, queue: 0, depth: 16, ringBase: 0x1_0000)
    try driver.enable()
    var entry = VextSubmissionEntry(operation: VextOperation.discard.rawValue, id: 0, length: bound)
    #expect(try driver.perform(entry).status == 0)
    entry.length += 512
    driver.push(entry)
    #expect(driver.waitUntilStopped())
    #expect(driver.error == .badTransferLength)
  }
}
