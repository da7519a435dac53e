import HostSystem
import Hypervisor
import TestSupport
import Testing
import VextProtocol

extension VextTests {
  /// Enabling, disabling and resetting queues, rightly and wrongly.
  @Suite struct RegistrationTests {
    private typealias Fixture = VextFixture
    private static let end = VextFixture.memoryByteCount

    /// A registration that must be refused.
    struct Attack: CustomTestStringConvertible, Sendable {
      let testDescription: String
      let error: VextQueueError
      let detail: UInt64
      var submissionRing: UInt64?
      var completionRing: UInt64?
      var depth: UInt64?

      init(
        _ name: String, _ error: VextQueueError, detail: UInt64, submissionRing: UInt64? = nil,
        completionRing: UInt64? = nil, depth: UInt64? = nil
      ) {
        testDescription = name
        self.error = error
        self.detail = detail
        self.submissionRing = submissionRing
        self.completionRing = completionRing
        self.depth = depth
      }
    }

    static let attacks: [Attack] =
      [0, 1, 3, 1023, 2048, 0xFFFF_FFFF].map { Attack("depth \($0)", .badDepth, detail: $0, depth: $0) } + [
        Attack("a submission ring at 10020h", .misalignedRing, detail: 0x1_0020, submissionRing: 0x1_0020),
        Attack("a completion ring at 10010h", .misalignedRing, detail: 0x1_0010, completionRing: 0x1_0010),
        Attack("a submission ring behind RAM", .ringOutsideMemory, detail: end, submissionRing: end),
        Attack("a completion ring behind RAM", .ringOutsideMemory, detail: end, completionRing: end),
        Attack(
          "a submission ring that passes the end of RAM", .ringOutsideMemory, detail: end - 64,
          submissionRing: end - 64),
        Attack(
          "a completion ring that passes the end of RAM", .ringOutsideMemory, detail: end - 192,
          completionRing: end - 192),
        Attack(
          "a submission ring that wraps around 2^64", .ringOutsideMemory, detail: 0 &- 64,
          submissionRing: 0 &- 64),
        Attack(
          "a completion ring that wraps around 2^64", .ringOutsideMemory, detail: 0 &- 64,
          completionRing: 0 &- 64),
        Attack("both rings in one place", .ringsOverlap, detail: 0x1_0000, completionRing: 0x1_0000),
        Attack("rings that share 64 bytes", .ringsOverlap, detail: 0x1_03C0, completionRing: 0x1_03C0),
        Attack(
          "a submission ring that starts in the completion ring", .ringsOverlap, detail: 0x2_0000,
          submissionRing: 0x2_00C0, completionRing: 0x2_0000),
      ]

    @Test(arguments: attacks)
    func `a bad registration is refused, and a good one works after it`(attack: Attack) throws {
      let thread = try IOThread(name: "vext-test", cpus: nil, waiting: .polling, engine: .sync)
      defer { thread.stop() }
      let fixture = try Fixture(server: thread)
      let neighbour = try Fixture(server: thread)
      let driver = fixture.driver
      driver.disable()
      driver.register(
        submissionRing: attack.submissionRing, completionRing: attack.completionRing, depth: attack.depth)
      #expect(driver.state == .disabled)
      #expect(driver.error == attack.error)
      #expect(driver.errorDetail == attack.detail)
      #expect(try neighbour.readsWell(neighbour.driver))
      try driver.restart()
      #expect(driver.state == .enabled)
      #expect(driver.error == VextQueueError.none)
      #expect(try fixture.readsWell(driver))
    }

    @Test func `a queue that can only be polled is refused by a thread that waits for events`() throws {
      let thread = try IOThread(name: "vext-test", cpus: nil, waiting: .events, engine: .sync)
      defer { thread.stop() }
      let fixture = try Fixture(server: thread, enables: false)
      fixture.driver.register()
      #expect(fixture.driver.state == .disabled)
      #expect(fixture.driver.error == .outOfResources)
    }

    @Test func `the smallest and the largest queue work, at the very end of RAM too`() throws {
      try Fixture.withThread { (fixture) throws in
        for depth in [2, 1024] as [UInt32] {
          fixture.driver.disable()
          let byteCount = UInt64(depth) * 80
          let driver = FakeVextDriver(
            device: fixture.device, memory: fixture.memory, queue: 0, depth: depth,
            ringBase: (Self.end - byteCount) & ~63)
          try driver.enable()
          for _ in 0..<3 { #expect(try fixture.readsWell(driver)) }
        }
      }
    }

    @Test func `enabling twice is an error that leaves the queue as it is`() throws {
      try Fixture.withThread { (fixture) throws in
        let driver = fixture.driver
        driver.register(submissionRing: 0x5_0000, completionRing: 0x6_0000, depth: 4)
        #expect(driver.state == .enabled)
        #expect(driver.error == .alreadyEnabled)
        #expect(driver.errorDetail == 0)
        // The registers hold still while the queue is enabled.
        #expect(driver.read(.submissionRing) == driver.submissionRing)
        #expect(driver.read(.completionRing) == driver.completionRing)
        #expect(driver.read(.depth) == UInt64(driver.depth))
        #expect(try fixture.readsWell(driver))
        try driver.restart()
        #expect(driver.error == VextQueueError.none)
      }
    }

    @Test func `a stopped queue is not enabled without being disabled`() throws {
      try Fixture.withThread { (fixture) throws in
        let driver = fixture.driver
        driver.push(VextSubmissionEntry(operation: 99, id: 0))
        #expect(driver.waitUntilStopped())
        driver.register()
        #expect(driver.state == .stopped)
        driver.disable()
        #expect(driver.state == .disabled)
        try driver.enable()
        #expect(try fixture.readsWell(driver))
      }
    }

    @Test func `a disabled queue is not served`() throws {
      try Fixture.withThread(queueCount: 2) { (fixture) throws in
        fixture.driver.disable()
        fixture.driver.push(Fixture.entry(.read))
        #expect(try fixture.readsWell(fixture.drivers[1]))
        #expect(try fixture.driver.poll() == nil)
        #expect(fixture.driver.state == .disabled)
      }
    }

    @Test(arguments: TestedEngines.asynchronous)
    func `disabling waits for requests in flight, and answers them`(engine: BlockEngineKind) throws {
      try Fixture.withThread(engine: engine, depth: 64) { (fixture) throws in
        let driver = fixture.driver
        for round in 0..<50 as Range<UInt16> {
          for id in 0..<64 as Range<UInt16> {
            driver.push(Fixture.entry(.read, id: id, offset: UInt64(id) * 4096, byteCount: 4096))
          }
          if round % 2 == 0 {
            driver.disable()
          } else {
            fixture.device.writeBAR(0, offset: VextRegister.reset, byteCount: 4, value: 1)
          }
          #expect(driver.state == .disabled)
          // Whatever was taken was answered before the write returned; nothing comes later.
          var answered: [UInt16] = []
          while let answer = try driver.poll() {
            #expect(answer.status == 0)
            answered.append(answer.id)
          }
          #expect(Set(answered).count == answered.count)
          let bytes = try fixture.memory.read(16 * 64, at: GuestAddress(driver.completionRing))
          HostClock.sleep(nanoseconds: 200_000)
          #expect(try fixture.memory.read(16 * 64, at: GuestAddress(driver.completionRing)) == bytes)
          try driver.enable()
          #expect(try fixture.readsWell(driver))
        }
      }
    }

    @Test(arguments: TestedEngines.asynchronous)
    func `a queue registered again with requests in flight keeps its registration`(engine: BlockEngineKind)
      throws
    {
      let server = try SteppedQueueServer(engine: engine, polling: true, capacity: 64)
      let fixture = try Fixture(server: server)
      for id in 0..<8 as Range<UInt16> { fixture.driver.push(Fixture.entry(.read, id: id)) }
      #expect(server.drain() == 8)
      #expect(server.inFlight == 8)
      fixture.driver.register(submissionRing: 0x5_0000, completionRing: 0x6_0000)
      #expect(fixture.driver.error == .alreadyEnabled)
      server.serveAll()
      #expect(try (0..<8).allSatisfy { _ in try fixture.driver.poll()?.status == 0 })
      // The other place was left alone.
      #expect(try fixture.bytes(256, at: 0x6_0000) == [UInt8](repeating: 0, count: 256))
    }

    @Test(arguments: TestedEngines.asynchronous)
    func `reset disables every queue, waits for requests in flight, and each can be enabled again`(
      engine: BlockEngineKind
    ) throws {
      let server = try SteppedQueueServer(engine: engine, polling: true, capacity: 64)
      let fixture = try Fixture(server: server, queueCount: 3)
      for driver in fixture.drivers {
        for id in 0..<8 as Range<UInt16> { driver.push(Fixture.entry(.read, id: id)) }
      }
      #expect(server.drain() == 24)
      #expect(server.inFlight == 24)
      fixture.device.writeBAR(0, offset: VextRegister.reset, byteCount: 4, value: 0)
      #expect(server.inFlight == 0)
      #expect(server.attachedCount == 0)
      for driver in fixture.drivers {
        #expect(driver.state == .disabled)
        #expect(try (0..<8).allSatisfy { _ in try driver.poll()?.status == 0 })
        try driver.enable()
        driver.push(Fixture.entry(.read, id: 3))
      }
      server.serveAll()
      for driver in fixture.drivers { #expect(try driver.poll()?.id == 3) }
    }
  }
}
