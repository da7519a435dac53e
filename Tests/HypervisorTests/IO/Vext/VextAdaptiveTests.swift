import HostSystem
import TestSupport
import Testing
import VextProtocol

@testable import Hypervisor

extension VextTests {
  /// Sleep and wake (docs/vext-protocol.md §8.1).
  @Suite struct AdaptiveTests {
    private typealias Fixture = VextFixture

    private static let both: VextFeatures = [.doorbell, .interrupt]

    /// Runs `body` with a fixture on an adaptive I/O thread, which it ends.
    private static func withThread(
      accepting features: VextFeatures = both, engine: BlockEngineKind = .sync, queueCount: Int = 1,
      _ body: (VextFixture) throws -> Void
    ) throws {
      let thread = try IOThread(name: "vext-sleepy", cpus: nil, waiting: .adaptive, engine: engine)
      defer { thread.stop() }
      try body(Fixture(server: thread, queueCount: queueCount, accepting: features))
    }

    private static func isAsleep(_ driver: FakeVextDriver) throws -> Bool {
      try eventually { try driver.deviceWord() % 2 == 1 }
    }

    @Test func `features are offered, kept as far as they are offered, and forgotten by a reset`() throws {
      let server = try SteppedQueueServer(engine: .sync, polling: true, capacity: 16)
      let fixture = try Fixture(server: server, enables: false, accepting: [])
      let driverFeatures = VextRegister.driverFeatures
      func read(_ offset: UInt64) -> UInt64 { fixture.device.readBAR(0, offset: offset, byteCount: 8) }
      #expect(read(VextRegister.deviceFeatures) == 3)
      #expect(read(driverFeatures) == 0)
      fixture.device.writeBAR(0, offset: driverFeatures, byteCount: 8, value: .max)
      #expect(read(driverFeatures) == 3)
      fixture.device.writeBAR(0, offset: driverFeatures, byteCount: 4, value: 2)
      #expect(read(driverFeatures) == 2)
      fixture.device.writeBAR(0, offset: driverFeatures + 4, byteCount: 4, value: .max)
      fixture.device.writeBAR(0, offset: driverFeatures, byteCount: 2, value: 1)
      #expect(read(driverFeatures) == 2)
      fixture.device.writeBAR(0, offset: VextRegister.reset, byteCount: 4, value: 1)
      #expect(read(driverFeatures) == 0)
      #expect(fixture.device.notifications.map(\.offset) == [VextRegister.queue(0, .doorbell)])
    }

    @Test func `a device that polls offers nothing, and has no doorbell and no interrupt`() throws {
      let server = try SteppedQueueServer(engine: .sync, polling: true, capacity: 16)
      let plain = try Fixture(server: server, enables: false)
      plain.device.writeBAR(0, offset: VextRegister.driverFeatures, byteCount: 8, value: .max)
      plain.driver.write(.wakeBlock, 0x40)
      plain.driver.write(.doorbell, 1)
      #expect(plain.device.readBAR(0, offset: VextRegister.deviceFeatures, byteCount: 8) == 0)
      #expect(plain.device.readBAR(0, offset: VextRegister.driverFeatures, byteCount: 8) == 0)
      #expect(plain.driver.read(.wakeBlock) == 0)
      #expect(plain.device.notifications.isEmpty)
      #expect(plain.device.configuration.msix == nil)
    }

    @Test(
      arguments: [
        0x8020, Fixture.memoryByteCount, Fixture.memoryByteCount - 64, 0xFFFF_FFFF_FFFF_FFC0, 0x1_0000,
        0x1_03C0,
        0x1_0400, 0xFFC0,
      ] as [UInt64])
    func `a wake block that is misaligned, outside RAM or within a ring is refused`(address: UInt64) throws {
      try Self.withThread { (fixture) throws in
        let driver = fixture.driver
        driver.disable()
        driver.write(.wakeBlock, address)
        driver.register()
        #expect(driver.state == .disabled)
        #expect(driver.error == .badWakeBlock)
        #expect(driver.errorDetail == address)
        try driver.enable()
        #expect(driver.state == .enabled)
        driver.write(.wakeBlock, address)
        #expect(driver.read(.wakeBlock) == driver.wakeBlock)
      }
    }

    @Test func `a driver that accepted nothing needs no wake block, and its device never sleeps`() throws {
      try Self.withThread(accepting: []) { (fixture) throws in
        fixture.driver.disable()
        fixture.driver.write(.wakeBlock, .max)
        try fixture.driver.enable()
        for _ in 0..<3 {
          HostClock.sleep(nanoseconds: 20_000_000)
          #expect(try fixture.readsWell(fixture.driver))
        }
      }
    }

    @Test(arguments: TestedEngines.all)
    func `an idle device sleeps, and the doorbell wakes it`(engine: BlockEngineKind) throws {
      try Self.withThread(engine: engine) { (fixture) throws in
        for _ in 0..<20 {
          #expect(try Self.isAsleep(fixture.driver))
          fixture.driver.push(Fixture.entry(.read))
          fixture.driver.notify()
          #expect(try fixture.driver.completion().status == 0)
        }
      }
    }

    @Test func `without the doorbell nothing is served, and nothing but the queue suffers`() throws {
      try Self.withThread(queueCount: 2) { (fixture) throws in
        let silent = fixture.drivers[0]
        let other = fixture.drivers[1]
        #expect(try Self.isAsleep(silent))
        silent.push(Fixture.entry(.read))
        HostClock.sleep(nanoseconds: 20_000_000)
        #expect(try silent.poll() == nil)
        // The other's doorbell wakes the thread, which then sees both.
        other.push(Fixture.entry(.read))
        #expect(other.notify())
        #expect(try other.completion().status == 0)
        #expect(try silent.completion().status == 0)
        // Disabling reaches a thread that sleeps.
        #expect(try Self.isAsleep(other))
        silent.disable()
        #expect(silent.state == .disabled)
      }
    }

    @Test func `the thread's CPU time stands still while everybody is idle`() throws {
      let thread = try IOThread(name: "vext-sleepy", cpus: nil, waiting: .adaptive, engine: .libaio)
      defer { thread.stop() }
      let fixture = try Fixture(server: thread, accepting: Self.both)
      #expect(try Self.isAsleep(fixture.driver))
      HostClock.sleep(nanoseconds: 10_000_000)
      let before = try thread.thread.cpuTimeNanoseconds()
      HostClock.sleep(nanoseconds: 300_000_000)
      #expect(try thread.thread.cpuTimeNanoseconds() - before < 3_000_000)
      withExtendedLifetime(fixture) {}
    }

    @Test func `an interrupt comes once for each sleep of the driver's, and only then`() throws {
      let server = try SteppedQueueServer(engine: .null, polling: true, capacity: 16)
      let fixture = try Fixture(server: server, accepting: Self.both)
      func answer() throws {
        fixture.driver.push(Fixture.entry(.read))
        server.serveAll()
        #expect(try fixture.driver.poll()?.status == 0)
      }
      try answer()
      #expect(fixture.recorder.takeInterrupts(0) == 0)
      for epoch in [1, 3, 5] as [UInt64] {
        try fixture.driver.setDriverWord(epoch)
        server.serveAll()
        #expect(fixture.recorder.takeInterrupts(0) == 0, "there is no answer yet")
        try answer()
        #expect(fixture.recorder.takeInterrupts(0) == 1)
        try answer()
        #expect(fixture.recorder.takeInterrupts(0) == 0, "it was woken for this sleep")
        try fixture.driver.setDriverWord(epoch + 1)
        try answer()
        #expect(fixture.recorder.takeInterrupts(0) == 0)
      }
    }

    @Test(arguments: [VextFeatures.doorbell, .interrupt])
    func `each feature works without the other`(features: VextFeatures) throws {
      try Self.withThread(accepting: features) { (fixture) throws in
        try fixture.driver.setDriverWord(1)
        for _ in 0..<3 {
          if features == .doorbell { #expect(try Self.isAsleep(fixture.driver)) }
          fixture.driver.push(Fixture.entry(.read))
          #expect(fixture.driver.notify() == (features == .doorbell))
          #expect(try fixture.driver.completion().status == 0)
        }
        if features == .interrupt { #expect(fixture.recorder.waitForInterrupt(0)) }
        #expect(fixture.recorder.takeInterrupts(0) == 0)
      }
    }

    @Test func `a queue that stops wakes a driver that sleeps`() throws {
      try Self.withThread { (fixture) throws in
        fixture.driver.push(VextSubmissionEntry(operation: 99, id: 0))
        fixture.driver.notify()
        #expect(fixture.recorder.waitForInterrupt(0))
        #expect(fixture.driver.state == .stopped)
        try fixture.driver.restart()
        #expect(try Self.isAsleep(fixture.driver))
      }
    }

    @Test func `writes to one guest's wake block do not affect another guest`() throws {
      try Self.withThread(queueCount: 2) { (fixture) throws in
        let liar = fixture.drivers[0]
        let honest = fixture.drivers[1]
        let place = GuestAddress(try #require(liar.wakeBlock))
        var random = SplitMix64(seed: 77)
        for _ in 0..<300 {
          try fixture.memory.store(random.next(), at: place)
          try liar.setDriverWord(random.next())
          if Bool.random(using: &random) { liar.push(Fixture.entry(.read)) }
          for _ in 0..<Int.random(in: 0..<4, using: &random) { liar.write(.doorbell, random.next()) }
          honest.push(Fixture.entry(.read))
          honest.notify()
          #expect(try honest.completion().status == 0)
          while try liar.poll() != nil {}
        }
        #expect(try Self.isAsleep(honest))
      }
    }

    @Test(arguments: TestedEngines.all)
    func `thousands of requests with pauses of every length are all answered`(engine: BlockEngineKind) throws
    {
      try Self.withThread(engine: engine, queueCount: 2) { (fixture) throws in
        var random = SplitMix64(seed: 5)
        for turn in 0..<2_000 {
          let driver = fixture.drivers[turn % 2]
          let batch = UInt16.random(in: 1...8, using: &random)
          for id in 0..<batch { driver.push(Fixture.entry(.read, id: id, offset: UInt64(id) * 512)) }
          driver.notify()
          for _ in 0..<batch {
            var answer: VextCompletionEntry?
            let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
            while answer == nil, HostClock.monotonicNanoseconds() < deadline { answer = try driver.poll() }
            guard answer?.status == 0 else {
              Issue.record("turn \(turn) was not answered")
              return
            }
          }
          switch random.next() % 4 {
          case 0: HostClock.sleep(nanoseconds: random.next() % 300_000)
          case 1: for _ in 0..<random.next() % 20_000 { SpinHint.pause() }
          default: break
          }
        }
      }
    }
  }
}
