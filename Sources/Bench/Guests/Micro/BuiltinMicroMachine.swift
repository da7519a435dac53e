import HostSystem
import Hypervisor
import SystemPackage

/// A micro guest in a machine of ours, whose disk the I/O threads of bench serve.
final class BuiltinMicroMachine: GuestMachine {
  /// The machine.
  let machine: Machine
  private let device: GuestDevice
  /// The process that serves the disk of this guest, and whose CPU time counts for it; nil: bench, or a process that counts for
  /// another guest.
  private let backEnd: BackEndProcess?

  let peer: PeerRecord? = nil

  /// Plugs `device` into a machine that is otherwise ready to run.
  init(machine: Machine, device: GuestDevice, backEnd: BackEndProcess?) throws {
    self.machine = machine
    self.backEnd = backEnd
    self.device = device
    // The first call makes the vCPUs' statistics, which would interrupt a vCPU that runs.
    _ = try machine.exitCounts()
  }

  /// Whether a vCPU ended; the guest's own code never ends it.
  var hasEnded: Bool { badEnd() != nil }

  var vcpuThreads: [ForeignThread] { machine.vcpus.compactMap { $0.thread?.byNumber } }

  func start() throws { try machine.start() }

  func pause() throws { _ = try machine.pause() }

  func exitCounts() throws -> ExitCounts {
    try machine.exitCounts()
  }

  func vcpuNanoseconds() throws -> UInt64 {
    try machine.vcpus.reduce(0) { $0 + (try $1.thread?.cpuTimeNanoseconds() ?? 0) }
  }

  func ioThreadNanoseconds() throws -> UInt64 { try backEnd?.cpuNanoseconds() ?? 0 }

  func grantedPlacement() throws -> GrantedPlacement {
    GrantedPlacement(
      ioThreadCPUs: try backEnd?.grantedCPUs() ?? [],
      vcpuCPUs: try machine.vcpus.map { try $0.thread?.grantedCPUs().description ?? "" },
      numaNode: try machine.memory.node(ofPageAt: 0))
  }

  func verdict() -> String? { nil }

  func badEnd() -> String? {
    for runner in machine.vcpus {
      switch runner.outcome {
      case nil, .stopped: continue
      case .reset: return "vCPU \(runner.vcpu.index) was reset (triple fault)"
      case .crashed(let text): return text
      }
    }
    return nil
  }

  func shutDown() -> [(path: String, errno: Errno)] {
    machine.stop()
    device.shutDown()
    return []
  }
}
