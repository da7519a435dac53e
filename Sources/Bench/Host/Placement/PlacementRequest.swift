import HostSystem

/// What is to be placed on the host's CPUs, and what the user wants to have placed where.
struct PlacementRequest: Equatable, Sendable {
  /// The number of guests, at least one.
  var guests: Int
  /// How many of them, the first ones, have work: vCPUs of the others sleep and take no CPU from anyone.
  var busyGuests: Int
  /// The vCPUs of each guest, at least one.
  var vcpusPerGuest: Int
  /// The number of I/O threads; none is allowed.
  var ioThreads: Int
  /// The node that the storage device is attached to; nil if unknown.
  var storageNode: Int?
  /// The CPUs that take the storage device's interrupts; empty if unknown.
  var interruptCPUs: CPUSet
  /// The CPUs of the I/O threads (`--io-thread-cpus`), in turn; nil lets the planner choose.
  var ioThreadCPUs: [Int]?
  /// The CPUs of the vCPUs (`--vcpu-cpus`), in turn, guest by guest; nil lets the planner choose.
  var vcpuCPUs: [Int]?
  /// The node of the guests' memory and of the threads (`--numa-node`); nil lets the planner choose.
  var numaNode: Int?

  /// A request for `guests` times `vcpusPerGuest` vCPUs, all of them busy unless `busyGuests` says otherwise, and
  /// `ioThreads` I/O threads.
  init(
    guests: Int, busyGuests: Int? = nil, vcpusPerGuest: Int, ioThreads: Int, storageNode: Int? = nil,
    interruptCPUs: CPUSet = CPUSet([]), ioThreadCPUs: [Int]? = nil, vcpuCPUs: [Int]? = nil,
    numaNode: Int? = nil
  ) {
    precondition(guests > 0 && vcpusPerGuest > 0 && ioThreads >= 0, "nothing to place")
    self.guests = guests
    self.busyGuests = busyGuests ?? guests
    self.vcpusPerGuest = vcpusPerGuest
    self.ioThreads = ioThreads
    self.storageNode = storageNode
    self.interruptCPUs = interruptCPUs
    self.ioThreadCPUs = ioThreadCPUs
    self.vcpuCPUs = vcpuCPUs
    self.numaNode = numaNode
  }
}
