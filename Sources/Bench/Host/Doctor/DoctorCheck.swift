/// Everything that `bench doctor` checks, in the order of its report.
enum DoctorCheck: String, Codable, CaseIterable, Sendable {
  case kvmDevice = "kvm-device"
  case kvmBackend = "kvm-backend"
  case virtualHost = "virtual-host"
  case steal
  case load
  case machines
  case cpuCount = "cpu-count"
  case siblings
  case isolation
  case governor
  case turbo
  case idleStates = "idle-states"
  case clockSource = "clock-source"
  case mitigations
  case interruptBalancing = "irqbalance"
  case numaBalancing = "numa-balancing"
  case storageNode = "storage-node"
  case transparentHugePages = "transparent-huge-pages"
  case hugePages = "huge-pages"
  case pageMerging = "ksm"
  case swap
  case fileSystem = "file-system"
  case directIO = "direct-io"
  case diskSpace = "disk-space"
  case scheduler
  case device
  case aioLimit = "aio-limit"
  case ioUring = "io-uring"
  case lockedMemory = "locked-memory"
}
