import Glibc
import HostSystem
import Hypervisor
import Testing
import VextProtocol

extension TinyGuests {
  /// How machines end: by themselves, or on request.
  @Suite struct EndTests {
    @Test(arguments: [GuestCode.undefinedInstruction, GuestCode.nullDereference, GuestCode.haltAtUserLevel])
    func `a fault without a handler ends the vCPU`(code: [UInt8]) throws {
      let guest = try TinyGuest(code)
      try guest.machine.start()
      #expect(TinyGuest.wait { guest.outcome != nil })
      switch guest.outcome {
      case .reset: break
      case .crashed(let text): #expect(text.contains("rip 0x100"))
      case .stopped, nil: Issue.record("the guest went on: \(String(describing: guest.outcome))")
      }
    }

    @Test func `a guest that spins is stopped`() throws {
      let guest = try TinyGuest(GuestCode.spin)
      try guest.machine.start()
      HostClock.sleep(nanoseconds: 20_000_000)
      #expect(guest.outcome == nil)
      guest.machine.stop()
      #expect(guest.outcome == .stopped)
    }

    @Test func `a guest that waits for an interrupt is stopped`() throws {
      let guest = try TinyGuest(
        GuestCode.haltAtUserLevel, gate: (vector: 13, handler: GuestCode.waitInRing0))
      try guest.machine.start()
      HostClock.sleep(nanoseconds: 20_000_000)
      #expect(guest.outcome == nil)
      // It waits in the kernel: no CPU time passes.
      let thread = try #require(guest.machine.vcpus[0].thread)
      let before = try thread.cpuTimeNanoseconds()
      HostClock.sleep(nanoseconds: 50_000_000)
      #expect(try thread.cpuTimeNanoseconds() - before < 25_000_000)
      guest.machine.stop()
      #expect(guest.outcome == .stopped)
    }

    @Test func `a machine may be stopped twice, or before it was started`() throws {
      let guest = try TinyGuest(GuestCode.spin)
      guest.machine.stop()
      #expect(guest.outcome == nil)
      let other = try TinyGuest(GuestCode.spin)
      try other.machine.start()
      other.machine.stop()
      other.machine.stop()
      #expect(other.outcome == .stopped)
    }

    @Test func `a hundred machines leave no descriptor and no thread behind`() async {
      // In a process of its own: other tests open and close descriptors at the same time.
      await #expect(processExitsWith: .success) {
        func cycle() throws {
          let guest = try TinyGuest(GuestCode.spin, name: "cycle")
          try guest.machine.start()
          guest.machine.stop()
        }
        try cycle()
        let descriptors = entryCount("/proc/self/fd")
        let threads = entryCount("/proc/self/task")
        for _ in 0..<100 { try cycle() }
        #expect(entryCount("/proc/self/fd") == descriptors)
        // pthread_join returns when the kernel clears the thread's ID, some time before it takes the thread off the list.
        #expect(TinyGuest.wait { entryCount("/proc/self/task") <= threads })
      }
    }

    @Test func `a machine needs at least one vCPU and RAM in whole pages`() throws {
      let system = try KVMSystem()
      for (vcpuCount, byteCount) in [(0, 4 << 20), (100_000, 4 << 20), (1, 0), (1, 4095)] as [(Int, UInt64)] {
        #expect(throws: MachineError.self) {
          try Machine(
            MachineConfiguration(name: "bad", memoryByteCount: byteCount, vcpuCount: vcpuCount),
            system: system)
        }
      }
    }

    @Test func `a KVM that is not there is refused with a reason`() {
      let error = #expect(throws: KVMError.self) {
        let system = try KVMSystem(path: "/nonexistent/kvm")
        return system.maxVCPUs
      }
      #expect(error?.description.contains("/nonexistent/kvm does not exist") == true)
    }
  }
}

/// How many entries a directory of /proc has.
private func entryCount(_ path: String) -> Int {
  guard let directory = unsafe opendir(path) else { return -1 }
  defer { unsafe _ = closedir(directory) }
  var count = 0
  while unsafe readdir(directory) != nil { count += 1 }
  return count
}
