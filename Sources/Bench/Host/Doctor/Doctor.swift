import HostSystem

/// Judges a host: a pure function from what was found to what is said about it. It changes nothing.
struct Doctor: Sendable {
  /// What was found.
  let environment: DoctorEnvironment

  var host: HostDescription { environment.host }
  var configuration: RunConfiguration { environment.configuration }

  /// A finding for each check that applies to this host, in the checks' order.
  var findings: [Finding] { DoctorCheck.allCases.compactMap(finding) }

  /// What is said about one thing; nil if it does not exist on this host or is not known.
  func finding(_ check: DoctorCheck) -> Finding? {
    switch check {
    case .kvmDevice: kvmDevice
    case .kvmBackend: kvmBackend
    case .virtualHost: virtualHost
    case .steal: steal
    case .load: load
    case .machines: machines
    case .cpuCount: cpuCount
    case .siblings: siblings
    case .isolation: isolation
    case .governor: governor
    case .turbo: turbo
    case .idleStates: idleStates
    case .clockSource: clockSource
    case .mitigations: mitigations
    case .interruptBalancing: interruptBalancing
    case .numaBalancing: numaBalancing
    case .storageNode: storageNode
    case .transparentHugePages: transparentHugePages
    case .hugePages: hugePages
    case .pageMerging: pageMerging
    case .swap: swap
    case .fileSystem: fileSystem
    case .directIO: directIO
    case .diskSpace: diskSpace
    case .scheduler: scheduler
    case .device: device
    case .aioLimit: aioLimit
    case .ioUring: ioUring
    case .lockedMemory: lockedMemory
    }
  }

  /// A share as a person reads it: `2.5 %`.
  static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
}

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
