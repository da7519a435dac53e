import HostSystem
import Hypervisor

/// What a process with one micro guest of a run must know (`bench guest-process`).
struct GuestProcessPlan: Codable, Sendable {
  /// The guest's number among those of the run.
  var index: Int
  var configuration: RunConfiguration
  var mode: DataPathMode
  var seed: UInt64
  /// The CPU of each vCPU; empty: anywhere.
  var vcpuCPUs: [Int]
  var memoryNode: Int
  /// The socket of vextd, and the name of the guest's disk there.
  var socket: String
  var disk: String

  /// The guest, ready to run, in this process.
  func makeGuest() throws -> BenchGuest {
    let others = [[Int]](repeating: [], count: index)
    let placement = Placement(
      ioThreadCPUs: [], vcpuCPUs: others + [vcpuCPUs], memoryNode: memoryNode, housekeepingCPUs: CPUSet([]),
      oversubscribed: false, notes: [])
    return try BenchGuest(
      index: index, configuration: configuration, mode: mode, seed: seed, placement: placement,
      disk: .service(
        path: socket, name: disk,
        successorTimeoutNanoseconds: VextServiceClient.defaultSuccessorTimeoutNanoseconds),
      system: KVMSystem())
  }
}
