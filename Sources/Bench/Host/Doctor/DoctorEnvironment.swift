import HostSystem

/// All that the checks of `bench doctor` judge: a value, so that a test can make any host.
struct DoctorEnvironment: Sendable {
  /// The host as records describe it, with what holds the image.
  var host: HostDescription
  /// What /dev/kvm is to this process.
  var kvmDevice: KVMDeviceAccess
  /// What this process may do.
  var rights: ProcessRights
  /// What else runs.
  var activity: HostActivity
  /// The CPUs; nil if the kernel does not tell them.
  var topology: NUMATopology?
  /// The run that the host is judged for.
  var configuration: RunConfiguration
  /// Where its threads would go; nil if they cannot be placed.
  var placement: Placement?
}
