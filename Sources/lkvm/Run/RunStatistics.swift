import HostSystem
import Hypervisor
import SystemPackage

/// The statistics of a run: start-up times, memory, vmexits and disks. Taken after the guest was shut down.
struct RunStatistics {
  /// Names with units, and their values, in a fixed order; unknown values are left out.
  let metrics: [(name: String, value: UInt64)]

  /// The metrics of `guest`.
  init(_ guest: Guest) throws {
    var metrics: [(String, UInt64)] = []
    let clock = guest.startUp
    let firstRun = guest.machine.vcpus.first?.firstRunNanoseconds
    let moments: [(String, UInt64?)] = [
      ("exec_to_main_us", clock.nanosecondsSinceExecution(.entered)),
      ("exec_to_kernel_loaded_us", clock.nanosecondsSinceExecution(.loaded)),
      ("exec_to_first_instruction_us", firstRun.map(clock.nanosecondsSinceExecution(at:))),
      ("exec_to_init_us", clock.nanosecondsSinceExecution(.initRunning)),
    ]
    for (name, nanoseconds) in moments {
      if let nanoseconds { metrics.append((name, nanoseconds / 1000)) }
    }
    let resident: UInt64
    do throws(Errno) { resident = try ProgramMemory.residentByteCount() } catch {
      throw LkvmFailure("--stats: the resident memory: \(error)")
    }
    let guestResident = UInt64(try guest.machine.memory.residentByteCount())
    metrics.append(("resident_beyond_guest_ram_kib", (resident - min(resident, guestResident)) >> 10))
    metrics.append(("guest_ram_resident_kib", guestResident >> 10))
    let exits = try guest.exitCounts()
    metrics += [
      ("vmexits", exits.total), ("vmexits_port_io", exits.io), ("vmexits_mmio", exits.mmio),
      ("vmexits_halt", exits.halt), ("vmexits_host_irq", exits.irq), ("user_exits", exits.user),
    ]
    metrics += guest.diskMetrics
    self.metrics = metrics
  }

  /// The statistics as text, one per line.
  var text: String { metrics.map { "stats: \($0.name): \($0.value)\n" }.joined() }

  /// The statistics as one JSON object on a line.
  var json: String { "{" + metrics.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",") + "}\n" }
}
