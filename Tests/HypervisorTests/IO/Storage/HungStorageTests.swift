import HostSystem
import Synchronization
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// Storage that does not answer: an I/O thread that is stuck in a request of another disk.
@Suite(.serialized) struct HungStorageTests {
  /// A queue whose requests take as long as the test wants.
  private final class StuckQueue: IOQueue {
    let disk: DiskHandle
    let memory: GuestMemory
    let notificationDescriptor: Int32? = nil
    let inFlight = 0
    private let isStuck = Atomic<Bool>(true)
    private let isServed = Atomic<Bool>(false)

    init(disk: DiskHandle, memory: GuestMemory) {
      self.disk = disk
      self.memory = memory
    }

    /// Waits until the thread is stuck in a request.
    func waitForRequest() -> Bool { eventually { isServed.load(ordering: .acquiring) } }

    func answer() { isStuck.store(false, ordering: .releasing) }

    func begin(token: UInt64, polling: Bool) {}
    func drain(engine: inout BlockEngine, limit: Int) -> Int {
      isServed.store(true, ordering: .releasing)
      while isStuck.load(ordering: .acquiring) { HostClock.sleep(nanoseconds: 1_000_000) }
      return 0
    }
    func complete(request: UInt32, result: Int64) {}
    func notifyDriver() -> Bool { false }
    func confirmWake() {}
    func prepareToSleep() -> Bool { true }
    func didWake() {}
    func drainNotification() {}
  }

  @Test func `a reset returns while storage hangs, and is over when the storage has answered`() throws {
    let thread = try IOThread(name: "hung-test", cpus: nil, waiting: .polling, engine: .sync)
    defer { thread.stop() }
    let fixture = try VirtioBlockFixture(thread: thread)
    let image = try DiskImage(path: fixture.disk.path, readOnly: true, direct: false)
    let stuck = StuckQueue(disk: image.handle, memory: fixture.memory)
    defer { stuck.answer() }
    try thread.attach(stuck)
    #expect(stuck.waitForRequest())
    let start = HostClock.monotonicNanoseconds()
    fixture.driver.setStatus(0)
    #expect(HostClock.monotonicNanoseconds() - start < 30_000_000_000)
    // The driver waits for zero in the guest.
    #expect(fixture.driver.status != 0)
    #expect(!fixture.block.isQuiet)
    // One that does not wait is not served.
    fixture.driver.setStatus(FakeVirtioDriver.Status.acknowledge | FakeVirtioDriver.Status.driver)
    #expect(fixture.function.failure == .notServed(.resourceBusy))
    stuck.answer()
    let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
    while !fixture.block.isQuiet, HostClock.monotonicNanoseconds() < deadline {
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    fixture.driver.setStatus(0)
    #expect(fixture.driver.status == 0)
    try fixture.start()
    #expect(fixture.function.failure == nil)
  }

  @Test func `a vext queue stays enabled, without service, while storage hangs`() throws {
    let thread = try IOThread(name: "hung-test", cpus: nil, waiting: .polling, engine: .sync)
    defer { thread.stop() }
    let fixture = try VextFixture(server: thread)
    let stuck = StuckQueue(disk: fixture.image.handle, memory: fixture.memory)
    defer { stuck.answer() }
    try thread.attach(stuck)
    #expect(stuck.waitForRequest())
    fixture.driver.disable()
    #expect(fixture.driver.state == .enabled)
    #expect(!fixture.device.isQuiet)
    stuck.answer()
    fixture.driver.disable()
    #expect(fixture.driver.state == .disabled)
    #expect(fixture.device.isQuiet)
  }
}
