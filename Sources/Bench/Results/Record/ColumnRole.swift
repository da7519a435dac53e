/// What a column is for when rows are compared.
enum ColumnRole: Sendable {
  /// Which row this is: never compared.
  case identity
  /// The machine: rows of different ones are not comparable.
  case host
  /// What was measured: only rows that agree are compared with each other.
  case configuration
  /// Where it ran on the host: shown where it differs.
  case placement
  /// What came out.
  case result
}

extension RunRecord.CodingKeys {
  /// What this column is for. Without `default`, so that a new column has to be thought about.
  var role: ColumnRole {
    switch self {
    case .schemaVersion, .runID, .startedAt, .gitRevision, .isDirty, .repetition, .guestIndex, .seed:
      .identity
    case .hostCPU, .hostKernel, .kvmBackend, .isTimingValid, .numaNodes:
      .host
    case .mode, .vmm, .guest, .guests, .workers, .pollers, .engine, .rw, .blockBytes, .iodepth, .direct,
      .diskBytes, .runtimeSeconds, .regionBytes, .warmupSeconds, .requestLimit, .verify, .fileSystem,
      .guestKernel, .fioVersion, .fioEngine, .fioJob, .thinkTimeSeconds, .busyGuests, .fioGroup,
      .fioBlockSizes, .fioJobCount, .fioThread, .fioRate:
      .configuration
    case .pollerCPUs, .vcpuCPUs, .numaNode, .isOversubscribed:
      .placement
    case .ios, .iops, .bandwidthMiBPerSecond, .latencyMeanMicroseconds, .latencyP50Microseconds,
      .latencyP90Microseconds, .latencyP99Microseconds, .latencyP99_9Microseconds, .latencyMaxMicroseconds,
      .errors, .vmexits, .vmexitsPerIO, .ioVMExits, .ioVMExitsPerIO, .exitsIO, .exitsMMIO, .exitsHalt,
      .exitsHypercall, .exitsIRQ, .irqInjections, .userExits, .pollerCPUSeconds, .vcpuCPUSeconds,
      .iopsPerCPUSecond, .windowSeconds, .verifiedBlocks, .verifyErrors, .idleVMExitsPerSecond,
      .idleIOVMExitsPerSecond, .computingVMExitsPerSecond, .computingIOVMExitsPerSecond,
      .ioVMExitsPerIOBeyondIdle, .ioVMExitsPerIOBeyondComputing, .pollerCPUShare, .vcpuCPUShare, .stealShare,
      .otherShare, .throttledSeconds, .mixedCores, .clockStepSeconds:
      .result
    }
  }

  /// Whether the column holds a name or a release, which may look like a number and is none.
  var isText: Bool {
    switch self {
    case .mode, .vmm, .guest, .engine, .rw, .fileSystem, .guestKernel, .fioVersion, .fioEngine, .fioJob,
      .fioGroup, .fioBlockSizes, .fioRate:
      true
    default: false
    }
  }

  /// Whether version 1 of the schema lacks the column.
  var isSinceVersion2: Bool {
    let columns = Self.allCases
    guard let seed = columns.firstIndex(of: .seed), let own = columns.firstIndex(of: self) else {
      return false
    }
    return own > seed
  }

  /// The columns of a role, in the order of the file.
  static func columns(of role: ColumnRole) -> [RunRecord.CodingKeys] {
    allCases.filter { $0.role == role }
  }
}
