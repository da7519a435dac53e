import HostSystem
import Hypervisor
import Testing
import VextProtocol

extension TinyGuests {
  /// Pausing a machine and letting it go on.
  @Suite struct PauseTests {
    private static func count(_ guest: TinyGuest) throws -> UInt64 {
      try guest.machine.memory.load(UInt64.self, at: TinyGuest.results)
    }

    @Test func `a paused guest does nothing, and goes on where it was`() throws {
      let guest = try TinyGuest(GuestCode.count)
      try guest.machine.start()
      #expect(try TinyGuest.wait { try Self.count(guest) > 0 })
      #expect(try guest.machine.pause())
      #expect(guest.machine.isPaused)
      let frozen = try Self.count(guest)
      HostClock.sleep(nanoseconds: 30_000_000)
      #expect(try Self.count(guest) == frozen)
      #expect(try guest.machine.resume())
      #expect(!guest.machine.isPaused)
      #expect(try TinyGuest.wait { try Self.count(guest) > frozen })
    }

    @Test func `the guest's TSC does not run on over a pause`() throws {
      let guest = try TinyGuest(GuestCode.storeTSC)
      let ticksPerSecond = try guest.machine.vcpus[0].vcpu.tscKilohertz * 1000
      try guest.machine.start()
      #expect(try TinyGuest.wait { try Self.count(guest) > 0 })
      #expect(try guest.machine.pause())
      let before = try Self.count(guest)
      HostClock.sleep(nanoseconds: 1_500_000_000)
      #expect(try guest.machine.resume())
      #expect(try TinyGuest.wait { try Self.count(guest) != before })
      let passed = try Self.count(guest) &- before
      // kvm_pvm lets CPL 3 read the host's TSC: there, all that can be seen is that the guest went on.
      #expect(passed < ticksPerSecond || KVMAvailability.isSoftwareKVM)
    }

    @Test func `pausing a paused guest and resuming a running one return false`() throws {
      let guest = try TinyGuest(GuestCode.spin)
      #expect(try !guest.machine.pause(), "not started yet")
      try guest.machine.start()
      #expect(try !guest.machine.resume())
      #expect(try guest.machine.pause())
      #expect(try !guest.machine.pause())
      #expect(try guest.machine.resume())
      #expect(try !guest.machine.resume())
      guest.machine.stop()
      #expect(try !guest.machine.pause(), "stopped")
    }

    @Test func `a paused machine is stopped`() throws {
      let guest = try TinyGuest(GuestCode.spin)
      try guest.machine.start()
      #expect(try guest.machine.pause())
      guest.machine.stop()
      #expect(guest.outcome == .stopped)
      #expect(guest.machine.end == .stopped)
      #expect(try !guest.machine.resume())
    }

    @Test func `accesses to devices survive a hundred pauses`() throws {
      let guest = try TinyGuest(GuestCode.countPortReads, argument: TinyGuest.devicePort)
      try guest.machine.start()
      for _ in 0..<100 {
        #expect(try guest.machine.pause())
        #expect(try guest.machine.resume())
      }
      #expect(TinyGuest.wait { guest.isDone })
      // The sum of all bytes that were read: one lost or doubled answer changes it.
      #expect(try guest.results(2) == [2000, 2000 * 0x88])
      #expect(guest.ports.accesses.count == 2000)
    }

    @Test func `registers of a paused guest show its access finished`() throws {
      let guest = try TinyGuest(GuestCode.readPortForever, argument: TinyGuest.devicePort)
      try guest.machine.start()
      #expect(TinyGuest.wait { guest.ports.accesses.count > 10 })
      for _ in 0..<20 {
        #expect(try guest.machine.pause())
        let text = try #require(try guest.machine.describe(vcpu: 0))
        // RIP is before the access, with the counter as it was, or after it; never on the way.
        let atRead = text.contains("rip 0x10002 ")
        #expect(atRead || text.contains("rax 0x88 "), "\(text)")
        #expect(try guest.machine.resume())
      }
    }
  }
}
