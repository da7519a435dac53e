import HostSystem
import Hypervisor
import Testing
import VextProtocol

extension TinyGuests {
  /// Port and memory accesses on their way to devices and back.
  @Suite struct AccessTests {
    private static let written: [UInt64] = [0x11, 0x2211, 0x4433_2211, 0x8877_6655_4433_2211]
    private static let widths = [1, 2, 4, 8]

    /// The accesses of ``GuestCode/accessPort`` and ``GuestCode/accessMemory``, at `offset`.
    private static func accesses(_ widthCount: Int, offset: UInt64) -> [AccessRecorder.Access] {
      (0..<widthCount).map { .write(offset: offset, byteCount: widths[$0], value: written[$0]) }
        + (0..<widthCount).map { .read(offset: offset, byteCount: widths[$0]) }
    }

    @Test func `port accesses of 1, 2 and 4 bytes reach a device and are answered`() throws {
      let guest = try TinyGuest(GuestCode.accessPort, argument: TinyGuest.devicePort + 4)
      #expect(try guest.runUntilDone())
      #expect(guest.ports.accesses == Self.accesses(3, offset: 4))
      #expect(try guest.results(3) == [0x88, 0x9788, 0xB5A6_9788])
    }

    @Test func `memory accesses of 1, 2, 4 and 8 bytes reach a device and are answered`() throws {
      let guest = try TinyGuest(GuestCode.accessMemory, argument: TinyGuest.deviceAddress + 0x38)
      #expect(try guest.runUntilDone())
      #expect(guest.memory.accesses == Self.accesses(4, offset: 0x38))
      #expect(try guest.results(4) == [0x88, 0x9788, 0xB5A6_9788, TinyGuest.answer])
    }

    @Test func `an unclaimed port reads as all ones`() throws {
      let guest = try TinyGuest(GuestCode.accessPort, argument: 0x600)
      #expect(try guest.runUntilDone())
      #expect(try guest.results(3) == [0xFF, 0xFFFF, 0xFFFF_FFFF])
      #expect(guest.ports.accesses.isEmpty)
    }

    @Test func `an unclaimed memory address reads as all ones`() throws {
      let guest = try TinyGuest(GuestCode.accessMemory, argument: TinyGuest.deviceAddress + 0x1000)
      #expect(try guest.runUntilDone())
      #expect(try guest.results(4) == [0xFF, 0xFFFF, 0xFFFF_FFFF, .max])
      #expect(guest.memory.accesses.isEmpty)
    }

    @Test func `a write to an ioeventfd signals it and does not return to user space`() throws {
      let guest = try TinyGuest(GuestCode.writeThreeTimes, argument: TinyGuest.deviceAddress + 0x10)
      let event = try EventDescriptor()
      try guest.machine.vm.addNotification(
        address: TinyGuest.deviceAddress + 0x10, eventDescriptor: event.rawValue)
      #expect(try guest.runUntilDone())
      #expect(event.drain() == 3)
      #expect(guest.memory.accesses.isEmpty)
      // The one exit is the guest's word that it is done.
      #expect(guest.userExitCount == 1)
    }

    @Test func `an ioeventfd of a port takes the one value that it is for`() throws {
      let guest = try TinyGuest(GuestCode.writeNumbersToPort)
      let event = try EventDescriptor()
      let write = WatchedWrite(space: .port, address: 0x500, condition: .init(byteCount: 2, value: 2))
      try guest.machine.vm.addNotification(write, eventDescriptor: event.rawValue)
      #expect(try guest.runUntilDone())
      #expect(event.drain() == 1)
      #expect(guest.ports.accesses.count == 3)
      // Where it was taken away again, all four writes arrive.
      let other = try TinyGuest(GuestCode.writeNumbersToPort)
      try other.machine.vm.addNotification(write, eventDescriptor: event.rawValue)
      other.machine.vm.removeNotification(write, eventDescriptor: event.rawValue)
      #expect(try other.runUntilDone())
      #expect(event.drain() == 0)
      #expect(other.ports.accesses.count == 4)
    }

    @Test func `an ioeventfd that was removed signals no more`() throws {
      let guest = try TinyGuest(GuestCode.writeThreeTimes, argument: TinyGuest.deviceAddress)
      let event = try EventDescriptor()
      try guest.machine.vm.addNotification(address: TinyGuest.deviceAddress, eventDescriptor: event.rawValue)
      guest.machine.vm.removeNotification(address: TinyGuest.deviceAddress, eventDescriptor: event.rawValue)
      #expect(try guest.runUntilDone())
      #expect(event.drain() == 0)
      #expect(guest.memory.accesses.count == 3)
    }

    @Test func `KVM's statistics count at least one exit for each port write`() throws {
      let guest = try TinyGuest(GuestCode.writePortHundredTimes)
      let statistics = try guest.machine.vcpus[0].vcpu.makeStatistics()
      let before = try statistics.exitCounts()
      #expect(try guest.runUntilDone())
      let counted = try statistics.exitCounts() - before
      #expect(guest.ports.accesses.count == 100)
      #expect(counted.total >= 100)
      #expect(guest.userExitCount >= 101)
    }

    @Test func `two machines of one process do not notice each other`() throws {
      let first = try TinyGuest(GuestCode.accessPort, argument: TinyGuest.devicePort, name: "first")
      let second = try TinyGuest(GuestCode.accessPort, argument: TinyGuest.devicePort + 8, name: "second")
      try first.machine.start()
      #expect(try second.runUntilDone())
      #expect(TinyGuest.wait { first.isDone })
      #expect(first.ports.accesses == Self.accesses(3, offset: 0))
      #expect(second.ports.accesses == Self.accesses(3, offset: 8))
      first.machine.stop()
      #expect(first.outcome == .stopped)
      #expect(second.outcome == nil)
    }
  }
}
