import Glibc
import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

extension VextServiceTests {
  /// Doorbells and interrupts between a VMM and its service.
  @Suite struct SleepTests {
    private static let both: VextFeatures = [.doorbell, .interrupt]

    private static func isAsleep(_ driver: FakeVextDriver) throws -> Bool {
      try eventually { try driver.deviceWord() % 2 == 1 }
    }

    @Test func `an idle service sleeps, and doorbells of its guests wake it`() throws {
      let fixture = try ServiceFixture()
      let machines = try [
        fixture.machine("rw", accepting: Self.both), fixture.machine("ro", accepting: Self.both),
      ]
      for _ in 0..<20 {
        for machine in machines {
          #expect(try Self.isAsleep(machine.driver))
          machine.driver.push(VextFixture.entry(.read))
          machine.driver.notify()
          #expect(try machine.driver.completion().status == 0)
        }
      }
      for machine in machines { #expect(try Self.isAsleep(machine.driver)) }
      HostClock.sleep(nanoseconds: 10_000_000)
      let before = try fixture.cpuTimeNanoseconds()
      HostClock.sleep(nanoseconds: 300_000_000)
      #expect(try fixture.cpuTimeNanoseconds() - before < 3_000_000)
    }

    @Test func `a driver that sleeps is interrupted once, and a masked interrupt is kept`() throws {
      let fixture = try ServiceFixture()
      let machine = try fixture.machine(accepting: Self.both)
      let driver = machine.driver
      // Unmasking and the check of the descriptors signal too.
      _ = machine.recorder.takeInterrupts(0)
      for epoch in [1, 3, 5] as [UInt64] {
        try driver.setDriverWord(epoch)
        driver.push(VextFixture.entry(.read))
        driver.notify()
        #expect(try driver.completion().status == 0)
        #expect(machine.recorder.waitForInterrupt(0))
        try driver.setDriverWord(epoch + 1)
      }
      machine.setMask(of: driver, true)
      let table = try #require(machine.device.configuration.msix)
      #expect(table.read(offset: MSIXTable.pendingOffset, byteCount: 4) == 0)
      try driver.setDriverWord(7)
      driver.push(VextFixture.entry(.read))
      driver.notify()
      #expect(try driver.completion().status == 0)
      #expect(eventually { table.read(offset: MSIXTable.pendingOffset, byteCount: 4) == 1 })
      machine.setMask(of: driver, false)
      #expect(table.read(offset: MSIXTable.pendingOffset, byteCount: 4) == 0)
    }

    @Test func `a driver that sleeps when its service is lost is woken`() throws {
      let fixture = try ServiceFixture()
      let machine = try fixture.machine(accepting: Self.both)
      #expect(try Self.isAsleep(machine.driver))
      _ = machine.recorder.takeInterrupts(0)
      try machine.driver.setDriverWord(1)
      fixture.service.stop()
      machine.driver.push(VextFixture.entry(.read))
      #expect(try machine.driver.completion().status == UInt16(Errno.ioError.rawValue))
      #expect(machine.recorder.waitForInterrupt(0))
    }

    @Test(
      .enabled(if: RunDelayMeter.ofCurrentThread() != nil, "the kernel keeps no account of waits for a CPU"))
    func `a guest of the service learns that its CPUs are shared, and that they are no longer`() throws {
      let fixture = try ServiceFixture()
      let contention = CPUContention()
      let accepted = Self.both.union(.contention)
      let machine = try fixture.machine(accepting: accepted, contention: contention)
      let other = try fixture.machine("ro", accepting: accepted)
      #expect(machine.device.readBAR(0, offset: VextRegister.driverFeatures, byteCount: 8) == 7)
      #expect(other.device.readBAR(0, offset: VextRegister.driverFeatures, byteCount: 8) == 3)
      #expect(try machine.driver.contentionWord() == 0)
      let rivals = try CPUContentionTests.Rivals(watchedBy: contention)
      defer { rivals.join() }
      // Neither side needs to do anything for it.
      #expect(try eventually { try machine.driver.contentionWord() == 1 })
      #expect(try other.driver.contentionWord() == 0)
      machine.driver.write(.yield, 1)
      machine.driver.push(VextFixture.entry(.read))
      machine.driver.notify()
      #expect(try machine.driver.completion().status == 0)
      rivals.rest()
      #expect(try eventually { try machine.driver.contentionWord() == 0 })
      // A guest that is not served any more keeps its memory to itself.
      machine.driver.disable()
      try machine.memory.store(UInt64(7), at: GuestAddress((machine.driver.wakeBlock ?? 0) + 8))
      HostClock.sleep(nanoseconds: 250_000_000)
      #expect(try machine.driver.contentionWord() == 7)
    }

    @Test func `a queue with CONTENTION alone needs a wake block, and no descriptor`() throws {
      let fixture = try ServiceFixture()
      let client = try fixture.rawClient()
      try client.share()
      var setup = VextQueueSetup(depth: 16, features: .contention)
      setup.submissionRing = 0x1000
      setup.completionRing = 0x4000
      setup.wakeBlock = 0x1040
      #expect(
        try client.ask(.enable(queue: 0, setup))
          == .enable(VextQueueFault(error: .badWakeBlock, detail: 0x1040)))
      setup.wakeBlock = 0x8000
      #expect(try client.ask(.enable(queue: 0, setup)) == .enable(.none))
    }

    @Test func `descriptors other than eventfds are refused, and the client goes on`() throws {
      let fixture = try ServiceFixture()
      let client = try fixture.rawClient()
      try client.share()
      var setup = VextQueueSetup(depth: 16, features: .interrupt)
      setup.submissionRing = 0x1000
      setup.completionRing = 0x4000
      setup.wakeBlock = 0x8000
      let pipe = try OwnedDescriptor.open("/dev/zero", flags: O_RDWR)
      let request = VextServiceRequest.enable(queue: 0, setup)
      #expect(try client.ask(request, descriptors: [pipe.rawValue]) == .failed(.invalidArgument))
      let event = try EventDescriptor()
      #expect(try client.ask(request, descriptors: [event.rawValue]) == .enable(.none))
    }

    @Test func `an eventfd that would block its writer does not block the service`() throws {
      let fixture = try ServiceFixture()
      let neighbour = try fixture.machine("ro")
      let machine = try fixture.machine(accepting: Self.both)
      let table = try #require(machine.device.configuration.msix)
      for descriptor in [table.eventDescriptor(of: 0), machine.device.notifications[0].eventDescriptor] {
        var count = UInt64.max - 1
        _ = unsafe read(descriptor, &count, 8)
        count = .max - 1
        #expect(unsafe write(descriptor, &count, 8) == 8)
        #expect(fcntl(descriptor, F_SETFL, 0) == 0)
      }
      for epoch in stride(from: 1, to: 40, by: 2) as StrideTo<UInt64> {
        try machine.driver.setDriverWord(epoch)
        machine.driver.push(VextFixture.entry(.read))
        #expect(try machine.driver.completion().status == 0)
        #expect(try neighbour.readsWell())
      }
    }
  }
}
