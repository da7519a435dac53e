import Glibc
import HostSystem
import Hypervisor
import Testing
import VextProtocol

extension TinyGuests {
  /// Looking into guests.
  @Suite struct DebugTests {
    @Test(arguments: [false, true])
    func `a dump shows registers, code, page tables and stack of a guest`(isPaused: Bool) throws {
      let guest = try TinyGuest(GuestCode.spin, argument: 0x1234_5678)
      let stack = GuestAddress(TinyGuest.stackTop.rawValue - 8)
      try guest.machine.memory.store(0xFEED_FACE_CAFE as UInt64, at: stack)
      try guest.machine.start()
      if isPaused { #expect(try guest.machine.pause()) }
      let text = try #require(try guest.machine.describe(vcpu: 0))
      #expect(text.contains("rip 0x10000 "))
      #expect(text.contains("rsi 0x12345678 "))
      #expect(text.contains("<eb> fe"))
      #expect(text.contains("PML4 entry at 0x100000: "))
      #expect(text.contains("physical 0x10000, in a page of 4 KiB"))
      #expect(text.contains("0x1fff8: 0xfeedfacecafe "))
      #expect(text.contains("cr3 0x100000 "))
      #expect(guest.outcome == nil)
    }

    @Test func `a dump names the function that the guest is in`() throws {
      let folder = "/tmp/vext-symbols-\(getpid())"
      #expect(unsafe mkdir(folder, 0o700) == 0)
      defer { unsafe rmdir(folder) }
      let map = Array("0000000000000000 D data\n000000000000fff0 T start\n0000000000010100 t next\n".utf8)
      let descriptor = unsafe open("\(folder)/System.map", O_CREAT | O_WRONLY, 0o600)
      let count = unsafe write(descriptor, map, map.count)
      close(descriptor)
      defer { unsafe unlink("\(folder)/System.map") }
      #expect(count == map.count)
      let guest = try TinyGuest(GuestCode.spin)
      let symbols = KernelSymbols.beside(kernel: "\(folder)/kernel", release: "6.1")
      let text = try guest.machine.describe(vcpu: 0, symbols: symbols)
      #expect(text?.contains("rip is in start+0x10 of \(folder)/System.map") == true)
    }

    @Test func `a vCPU that is not there has no dump and takes no NMI`() throws {
      let guest = try TinyGuest(GuestCode.spin)
      #expect(try guest.machine.describe(vcpu: 1) == nil)
      #expect(try guest.machine.describe(vcpu: -1) == nil)
      #expect(try !guest.machine.injectNMI(vcpu: 1))
    }

    @Test func `a dump needs no running vCPU`() throws {
      let guest = try TinyGuest(GuestCode.spin)
      #expect(try guest.machine.describe(vcpu: 0)?.contains("rip 0x10000 ") == true)
      try guest.machine.start()
      guest.machine.stop()
      #expect(try guest.machine.describe(vcpu: 0)?.contains("rip 0x10000 ") == true)
    }

    @Test func `a dump reports that a guest's page tables are garbage`() throws {
      let guest = try TinyGuest(GuestCode.spin)
      try guest.machine.memory.store(0x000F_FFFF_0000_0003 as UInt64, at: TinyGuest.tables)
      let text = try #require(try guest.machine.describe(vcpu: 0))
      #expect(text.contains("no RAM at 0xfffff"))
      #expect(text.contains("<??> ??"))
    }

    @Test func `an NMI runs the guest's handler`() throws {
      let guest = try TinyGuest(GuestCode.spin, gate: (vector: 2, handler: GuestCode.countNMI))
      try guest.machine.start()
      #expect(try guest.machine.injectNMI(vcpu: 0))
      let counter = GuestAddress(GuestCode.interruptCounter)
      #expect(try TinyGuest.wait { try guest.machine.memory.load(UInt64.self, at: counter) == 1 })
      #expect(guest.outcome == nil)
    }

    @Test func `vmexits can be read while a guest runs, and after its end`() throws {
      let guest = try TinyGuest(GuestCode.writePort(0x500, 1, byteCount: 1))
      try guest.machine.start()
      #expect(TinyGuest.wait { guest.ports.accesses.count == 1 })
      let counts = try guest.machine.vcpus[0].exitCounts()
      #expect(counts.user >= 1)
      #expect(counts.total >= 1)
      guest.machine.stop()
      #expect(try guest.machine.vcpus[0].exitCounts().total >= counts.total)
    }

    @Test func `single-stepping exits at each instruction`() throws {
      var debug = MachineDebugOptions()
      debug.singleSteps = true
      let guest = try TinyGuest(GuestCode.done, debug: debug)
      let isDone = try guest.runUntilDone()
      // kvm_pvm gives the guest at CPL 3 the fault instead, which ends this one.
      #expect(isDone && guest.userExitCount > 2 || KVMAvailability.isSoftwareKVM && guest.outcome == .reset)
    }

    @Test func `accesses without a device are logged and answered as ever`() throws {
      var debug = MachineDebugOptions()
      debug.logsUnclaimedPorts = true
      debug.logsUnclaimedMemory = true
      debug.accessDelayMilliseconds = 1
      let guest = try TinyGuest(GuestCode.accessPort, argument: 0x600, debug: debug)
      #expect(try guest.runUntilDone())
      #expect(try guest.results(3) == [0xFF, 0xFFFF, 0xFFFF_FFFF])
    }
  }
}
