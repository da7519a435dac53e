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
    func wait(until condition: () throws -> Bool) rethrows -> Bool {
      for _ in 0..<10_000 {
        if try condition() { return true }
        HostClock.sleep(nanoseconds: 1_000_000)
      }
      return false
    }
    do {
      let thread = try IOThread(name: "forgotten", cpus: nil, waiting: .polling, engine: .null)
      #expect(try wait { try threadNames().contains("forgotten\n") })
      withExtendedLifetime(thread) {}
    }
    #expect(try wait { try !threadNames().contains("forgotten\n") })
  }

  @Test func `discards and zeroes are bounded, and the bound is told`() throws {
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
    var entry = SubmissionEntry(operation: VextOperation.discard.rawValue, id: 0, length: bound)
    #expect(try driver.perform(entry).status == 0)
    entry.length += 512
    driver.push(entry)
    #expect(driver.waitUntilStopped())
    #expect(driver.error == .badTransferLength)
  }
}
