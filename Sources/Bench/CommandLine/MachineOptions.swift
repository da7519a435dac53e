import ArgumentParser
import Hypervisor

/// The virtual machines, the host's I/O threads, and where both run.
struct MachineOptions: ParsableArguments {
  @Option(
    help: "What runs in the virtual machines: auto is linux where the KVM runs it natively, else micro.")
  var guest = GuestChoice.auto

  @Option(name: .customLong("guests"), help: "Virtual machines at once.")
  var guestCount = 1

  @Option(
    name: .customLong("busy-guests"),
    help: "How many of them have work; the others are booted, and their queues are served. Default: all.")
  var busyGuestCount: Int?

  @Option(name: .customLong("workers"), help: "vCPUs, and queues, of each guest.")
  var workerCount = 1

  @Option(name: .customLong("pollers"), help: "I/O threads on the host.")
  var pollerCount = 1

  @Option(help: "What serves the requests.")
  var engine = BlockEngineKind.libaio

  @Option(
    help: ArgumentHelp("CPUs of the I/O threads: 2 or 2-3. Default: by topology.", valueName: "list"))
  var pollerCPU: CPUList?

  @Option(
    name: .customLong("vcpu-cpus"),
    help: ArgumentHelp("CPUs of the vCPUs, guest by guest. Default: by topology.", valueName: "list"))
  var vcpuCPUs: CPUList?

  @Option(help: "NUMA node of memory and threads. Default: the storage device's.")
  var numaNode: Int?
}
