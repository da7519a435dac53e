import Hypervisor
import Testing
import VextProtocol

extension TinyGuests {
  /// MSI-X messages on their way into the guest.
  @Suite struct InterruptTests {
    private static let vector: UInt8 = 0x40

    /// A guest that counts interrupts while it spins, and a function's configuration space with one MSI-X vector.
    private static func makeGuest() throws -> (TinyGuest, PCIConfigurationSpace, MSIXTable) {
      let guest = try TinyGuest(
        GuestCode.spin, gate: (vector: vector, handler: GuestCode.countInterrupt))
      let table = try MSIXTable(vectorCount: 1, router: guest.machine.vm)
      let space = PCIConfigurationSpace(
        identity: PCIIdentity(vendor: 0x1AF4, device: 0x10F5, classCode: 0x01_8000), bars: [:],
        msix: (bar: 1, table: table))
      table.write(offset: 0, byteCount: 4, value: 0xFEE0_0000)
      table.write(offset: 8, byteCount: 4, value: UInt64(vector))
      table.write(offset: 12, byteCount: 4, value: 0)
      space.write(0x42, byteCount: 2, value: 0x8000)
      return (guest, space, table)
    }

    private static func count(_ guest: TinyGuest) throws -> UInt64 {
      try guest.machine.memory.load(UInt64.self, at: GuestAddress(GuestCode.interruptCounter))
    }

    @Test func `each raise runs the guest's handler, without a return to user space`() throws {
      let (guest, _, table) = try Self.makeGuest()
      try guest.machine.start()
      for expected in 1...20 as ClosedRange<UInt64> {
        table.raise(0)
        #expect(try TinyGuest.wait { try Self.count(guest) == expected })
      }
      #expect(guest.outcome == nil)
      #expect(guest.userExitCount == 0)
    }

    @Test func `a masked vector reaches the guest once it is unmasked`() throws {
      let (guest, space, table) = try Self.makeGuest()
      space.write(0x42, byteCount: 2, value: 0xC000)
      try guest.machine.start()
      table.raise(0)
      table.raise(0)
      #expect(try Self.count(guest) == 0)
      #expect(table.read(offset: MSIXTable.pendingOffset, byteCount: 8) == 1)
      space.write(0x42, byteCount: 2, value: 0x8000)
      #expect(try TinyGuest.wait { try Self.count(guest) == 1 })
      #expect(table.read(offset: MSIXTable.pendingOffset, byteCount: 8) == 0)
    }
  }
}
