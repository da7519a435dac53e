import Hypervisor

/// What guests and I/O threads had used up at a moment.
struct UsageSample: Equatable, Sendable {
  /// The host's wall clock, in nanoseconds since 1970.
  var nanoseconds: UInt64
  /// vmexits, guest by guest.
  var exits: [ExitCounts]
  /// CPU time of the vCPUs, guest by guest.
  var vcpuNanoseconds: [UInt64]
  /// CPU time of all I/O threads.
  var ioThreadNanoseconds: UInt64
  /// The wall clock less the monotonic one, in nanoseconds: it changes when the clock is set.
  var clockOffset: Int64 = 0
  /// The host's accounts; nil in most samples, since reading them costs more than the rest.
  var accounts: HostAccounts?
}
