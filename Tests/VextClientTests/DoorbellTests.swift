import HostSystem
import Hypervisor
import Testing
import VextProtocol

@testable import VextClient

/// A client whose device sleeps while nothing comes (docs/vext-protocol.md §8.1).
@Suite(.serialized)
struct DoorbellTests {
  @Test func `a device that is asleep is woken for each request that comes alone`() throws {
    let fixture = try ClientFixture(maySleep: true)
    #expect(fixture.device.ringsDoorbell)
    let queue = try fixture.device.makeQueue(
      waitPolicy: VextWaitPolicy(timeoutNanoseconds: 20_000_000_000))
    var random = SplitMix64(seed: 5)
    for _ in 0..<300 {
      // About as long as the thread polls before it sleeps: at most 200 us for one request.
      HostClock.sleep(nanoseconds: UInt64.random(in: 0..<400_000, using: &random))
      let offset = Int.random(in: 0..<1000, using: &random) * 512
      #expect(try queue.read(at: UInt64(offset), byteCount: 512) == ClientFixture.pattern(offset, 512))
    }
  }

  @Test func `an idle client costs the host's thread no CPU time`() throws {
    let fixture = try ClientFixture(maySleep: true)
    let queue = try fixture.device.makeQueue()
    let thread = try #require(fixture.thread).thread
    _ = try queue.read(at: 0, byteCount: 512)
    HostClock.sleep(nanoseconds: 50_000_000)
    let before = try thread.cpuTimeNanoseconds()
    HostClock.sleep(nanoseconds: 300_000_000)
    #expect(try thread.cpuTimeNanoseconds() - before < 30_000_000)
    #expect(try queue.read(at: 512, byteCount: 512) == ClientFixture.pattern(512, 512))
  }

  @Test func `a queue that is reset rings again`() throws {
    let fixture = try ClientFixture(maySleep: true)
    let queue = try fixture.device.makeQueue()
    for offset in [0, 512] {
      HostClock.sleep(nanoseconds: 20_000_000)
      let bytes = try queue.read(at: UInt64(offset), byteCount: 512)
      #expect(bytes == ClientFixture.pattern(offset, 512))
      try queue.reset()
    }
  }

  @Test func `a device that never sleeps is not rung`() throws {
    let fixture = try ClientFixture()
    #expect(!fixture.device.ringsDoorbell)
    let queue = try fixture.device.makeQueue()
    #expect(try queue.read(at: 0, byteCount: 512) == ClientFixture.pattern(0, 512))
    #expect(queue.sleepingDevice == nil)
  }
}
