import HostSystem

/// Where every busy thread of a run, and the guests' memory, go.
struct Placement: Equatable, Sendable {
  /// The CPU of each I/O thread.
  var ioThreadCPUs: [Int]
  /// The CPU of each vCPU, by guest.
  var vcpuCPUs: [[Int]]
  /// The node that the guests' memory is bound to.
  var memoryNode: Int
  /// Where the threads that mostly sleep go, such as the controlling one: off the I/O threads' CPUs, and off those
  /// of the vCPUs, as far as others are left.
  var housekeepingCPUs: CPUSet
  /// Whether a CPU has more than one busy thread, so that measured times include waiting for it.
  var oversubscribed: Bool
  /// The compromises, a sentence each, for a person to read.
  var notes: [String]
}
