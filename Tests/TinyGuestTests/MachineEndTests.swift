import Glibc
import HostSystem
import Hypervisor
import Synchronization
import Testing
import VextProtocol

extension TinyGuests {
  /// How a machine tells its owner that it has ended.
  @Suite struct MachineEndTests {
    /// Ends its machine when it is written to, on the vCPU's thread.
    private final class Switch: BusDevice {
      let latch: MachineEndLatch
      init(_ latch: MachineEndLatch) { self.latch = latch }
      func read(offset: UInt64, byteCount: Int) -> UInt64 { 0 }
      func write(offset: UInt64, byteCount: Int, value: UInt64) { latch.end(.poweredOff) }
    }

    private static func isReadable(_ descriptor: Int32, milliseconds: Int32) -> Bool {
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      return unsafe poll(&entry, 1, milliseconds) == 1
    }

    @Test func `a device ends the machine from a vCPU's thread`() throws {
      let guest = try TinyGuest(GuestCode.writeThreeTimes, argument: TinyGuest.deviceAddress + 0x1000)
      #expect(
        guest.machine.memoryBus.insert(
          Switch(guest.machine.endLatch), start: TinyGuest.deviceAddress + 0x1000, byteCount: 8))
      #expect(!Self.isReadable(guest.machine.endDescriptor, milliseconds: 0))
      try guest.machine.start()
      #expect(Self.isReadable(guest.machine.endDescriptor, milliseconds: 10_000))
      #expect(guest.machine.end == .poweredOff)
      guest.machine.stop()
      #expect(guest.machine.end == .poweredOff)
    }

    @Test func `the first end is the one that counts`() throws {
      let guest = try TinyGuest(GuestCode.spin)
      #expect(guest.machine.end == nil)
      guest.machine.end(.reset)
      guest.machine.end(.panicked)
      guest.machine.stop()
      #expect(guest.machine.end == .reset)
    }

    @Test func `a fault without handlers ends the machine and says where`() throws {
      let guest = try TinyGuest(GuestCode.undefinedInstruction)
      try guest.machine.start()
      #expect(Self.isReadable(guest.machine.endDescriptor, milliseconds: 10_000))
      switch guest.machine.end {
      case .tripleFault: break
      case .crashed(let text):
        #expect(text.contains("rip 0x10000 "))
        #expect(text.contains("<0f> 0b"))
      case .poweredOff, .reset, .panicked, .stopped, nil:
        Issue.record("ended as \(String(describing: guest.machine.end))")
      }
    }

    @Test func `an instruction that KVM cannot emulate is named, and on kvm_pvm a way out`() throws {
      // Ring 0 is emulated on kvm_pvm, which knows no INT3; elsewhere the processor runs it, into a triple fault.
      let guest = try TinyGuest(
        GuestCode.undefinedInstruction, gate: (vector: 6, handler: [0xCC, 0xEB, 0xFE]))
      try guest.machine.start()
      #expect(Self.isReadable(guest.machine.endDescriptor, milliseconds: 10_000))
      guard KVMAvailability.isSoftwareKVM else { return }
      guard case .crashed(let text) = guest.machine.end else {
        Issue.record("ended as \(String(describing: guest.machine.end))")
        return
      }
      #expect(text.contains("rip 0x28000 "))
      #expect(text.contains("<cc> eb fe"))
      #expect(text.contains("kvm_pvm, software) cannot run an unmodified kernel"))
      #expect(text.contains("scripts/testbed -- COMMAND"))
    }
  }
}
