import HostSystem
import Hypervisor
import Testing
import VextProtocol

extension TinyGuests {
  /// The board's ports as a guest's code meets them.
  @Suite struct PlatformPortTests {
    /// A guest that has the board, and its board.
    private static func makeGuest(_ code: [UInt8], argument: UInt64 = 0) throws -> (
      TinyGuest, PlatformDevices
    ) {
      let guest = try TinyGuest(code, argument: argument, donePort: 0x510)
      let devices = PlatformDevices(
        ports: guest.machine.portBus, end: guest.machine.endLatch,
        memoryByteCount: guest.machine.memory.byteCount
      ) { [vm = guest.machine.vm] in KVMInterruptLine(vm: vm, gsi: $0) }
      return (guest, devices)
    }

    @Test(
      arguments: [
        (0x64, 0xFE, 1, .reset), (0x92, 0x01, 1, .reset), (0xCF9, 0x06, 1, .reset),
        (0x604, 0x3400, 2, .poweredOff),
      ] as [(UInt16, UInt16, Int, MachineEnd)])
    func `a write to a port ends the machine`(
      port: UInt16, value: UInt16, byteCount: Int, expected: MachineEnd
    ) throws {
      let (guest, _) = try Self.makeGuest(GuestCode.writePort(port, value, byteCount: byteCount))
      try guest.machine.start()
      #expect(TinyGuest.wait { guest.machine.end != nil })
      guest.machine.stop()
      #expect(guest.machine.end == expected)
    }

    @Test func `the exit status reaches the host`() throws {
      let (guest, devices) = try Self.makeGuest(GuestCode.writePort(0xF4, 77, byteCount: 1))
      try guest.machine.start()
      #expect(TinyGuest.wait { devices.exitStatus.status != nil })
      #expect(devices.exitStatus.status == 77)
      #expect(guest.machine.end == nil)
    }

    @Test func `port 61h is answered by KVM`() throws {
      let guest = try TinyGuest(GuestCode.readPort, argument: 0x61)
      #expect(try guest.runUntilDone())
      // Bits 3...0 are the timer's gate and the speaker's: off. An unclaimed port would have them all set.
      #expect(try guest.results(1)[0] & 0xF == 0)
      #expect(guest.userExitCount == 1, "the guest's word that it is done")
    }
  }
}
