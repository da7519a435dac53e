/// Where the vmexits of another VMM's guest are read.
///
/// The binary statistics of a VM or vCPU can only be asked for by the process that made it (KVM answers EIO to others). Once
/// that process has asked, anyone who may trace it can read on.
enum PeerExitSource: String, Codable, Sendable {
  /// The vCPUs' descriptors of binary statistics that the VMM holds, copied by pidfd_getfd.
  case statisticsDescriptors = "kvm_stats_fd"
  /// The VM's folder in debugfs.
  case debugfs
  /// The VMM's own monitor (QEMU's `query-stats`). Each look stops every vCPU once, which is an exit.
  case monitor
}
