import HostSystem
import Hypervisor
import SystemPackage

/// What a guest runs in: a machine of ours, or another VMM's process. One thread.
protocol GuestMachine: AnyObject {
  /// What the JSON file says of another VMM; nil for ours.
  var peer: PeerRecord? { get }
  /// Whether the guest has ended.
  var hasEnded: Bool { get }

  /// The threads of its vCPUs, in their order; those that have not started or have ended are missing.
  var vcpuThreads: [ForeignThread] { get }

  /// Lets the vCPUs run.
  func start() throws
  /// Lets none of its vCPUs run any more.
  func pause() throws
  /// vmexits of all vCPUs since they were made; of a guest that has ended, as they were last seen.
  func exitCounts() throws -> ExitCounts
  /// CPU time of the vCPU threads since they were started; of a guest that has ended, as it was last seen.
  func vcpuNanoseconds() throws -> UInt64
  /// The same of the I/O threads that serve this guest alone: those of `bench` serve all and are not among them.
  func ioThreadNanoseconds() throws -> UInt64
  /// Where its threads are; of the I/O threads, those of ``ioThreadNanoseconds()``.
  func grantedPlacement() throws -> GrantedPlacement
  /// Why the guest will never boot here; nil if it may.
  func verdict() throws -> String?
  /// What is wrong with how the guest ended; nil if nothing is.
  func badEnd() -> String?
  /// Ends the guest whatever it does.
  ///
  /// - Returns: the disks whose flush failed, with the reason.
  func shutDown() -> [(path: String, errno: Errno)]
}
