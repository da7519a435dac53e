import Hypervisor

/// A configuration that cannot be run, and why.
struct InvalidConfiguration: Error, Equatable, CustomStringConvertible {
  /// One sentence that names the option.
  let description: String
}

extension RunConfiguration {
  /// Checks everything that does not depend on the host and the disk.
  ///
  /// - Throws: ``InvalidConfiguration`` for the first thing that is wrong.
  func validate() throws(InvalidConfiguration) {
    try Self.require(guestCount, within: 1...64, option: "--guests")
    if let busyGuestCount {
      try Self.require(busyGuestCount, within: 1...guestCount, option: "--busy-guests")
    }
    try Self.require(workerCount, within: 1...64, option: "--workers")
    try Self.require(ioThreadCount, within: 1...16, option: "--io-threads")
    try Self.require(iodepth, within: 1...1024, option: "--iodepth")
    try Self.require(repetitionCount, within: 1...10_000, option: "--repeat")
    if let numaNode { try Self.require(numaNode, within: 0...1023, option: "--numa-node") }
    try validateModes()
    try validatePeers()
    try validatePaths()
    try validateLinux()
    try validateImages()
    try validateCaches()
    try validateSizes()
    try validateWindow()
    try validateSharing()
    try validatePlacement()
  }

  private func validateModes() throws(InvalidConfiguration) {
    guard !modes.isEmpty else { throw InvalidConfiguration(description: "--mode names no mode") }
    guard Set(modes).count == modes.count else {
      throw InvalidConfiguration(description: "--mode names a mode twice; --repeat repeats it")
    }
    if let adaptations {
      guard Set(adaptations).count == adaptations.count else {
        throw InvalidConfiguration(description: "--adaptation names a part twice")
      }
      guard !adaptations.contains(.none) || adaptations.count == 1 else {
        throw InvalidConfiguration(description: "--adaptation none goes with nothing else")
      }
      guard !adaptations.contains(.guestYield) || !adaptations.contains(.guestSleep) else {
        throw InvalidConfiguration(
          description: "--adaptation takes one of guest-yield and guest-sleep: a guest does either")
      }
    }
    guard hasGuestProcesses != true || modes.contains(.vextService) else {
      throw InvalidConfiguration(
        description:
          "--guest-processes needs --mode vext-service: guests of other modes run in bench's own process")
    }
    for mode in modes {
      guard let backEnd = mode.backEnd else { continue }
      if let objection = backEnd.objection(to: engine, usesDirectIO: usesDirectIO) {
        throw InvalidConfiguration(
          description: "--engine \(engine.rawValue) with --mode \(mode.rawValue): \(objection)")
      }
      guard ioThreadCount == 1 else {
        throw InvalidConfiguration(
          description: "--io-threads \(ioThreadCount) with --mode \(mode.rawValue): the back end has one")
      }
    }
  }

  private func validateLinux() throws(InvalidConfiguration) {
    guard let linux else { return }
    guard busyGuests == guestCount else {
      throw InvalidConfiguration(description: "--busy-guests needs --guest micro")
    }
    guard thinkTime == nil else {
      throw InvalidConfiguration(description: "--think-time needs --guest micro; a fio job has thinktime")
    }
    guard engine != .null || paths.allSatisfy({ $0.fileSystem == .none }) else {
      throw InvalidConfiguration(description: "--engine null moves no data: a file system cannot live on it")
    }
    guard engine != .memory || !verifies || paths.allSatisfy({ $0.fileSystem == .none }) else {
      throw InvalidConfiguration(
        description:
          "--verify checks the file system of a disk after the run, and --engine memory leaves none")
    }
    guard linux.ioengine != .sync || iodepth == 1 || linux.job != nil else {
      throw InvalidConfiguration(
        description: "--ioengine sync has one request at a time: --iodepth must be 1, and is \(iodepth)")
    }
    let polls = linux.job.map { $0.phases.contains(where: \.polls) } ?? (linux.ioengine == .polledIOUring)
    if polls {
      let name = linux.job.map { "hipri in the job file \($0.name)" } ?? "--ioengine io_uring-hipri"
      if let other = paths.first(where: { !$0.needsBlockDriver }) {
        throw InvalidConfiguration(
          description:
            "\(name) needs the polled queues of vext's block driver, and \(other.name) has none: "
            + "combine it with --mode vext or vext-adaptive and --fs none, ext4 or xfs")
      }
      guard usesDirectIO else {
        throw InvalidConfiguration(
          description: "\(name) needs --direct: the page cache does not poll")
      }
    }
    guard linux.memory.byteCount >= 128 << 20, linux.memory.byteCount.isMultiple(of: 1 << 20) else {
      throw InvalidConfiguration(
        description: "--memory must be whole MiB, at least 128m, and is \(linux.memory)")
    }
    let hasFileSystem = paths.contains { $0.fileSystem != .none }
    if diskPath != nil, guestCount > 1, hasFileSystem || rw.writes || verifies || linux.job != nil {
      throw InvalidConfiguration(
        description:
          "several Linux guests cannot share a --disk that a file system is made on or that is written to")
    }
    // fio's slices begin at a block of the file system or of the device.
    guard regionSize.byteCount / UInt64(workerCount) >= max(4096, blockSize.byteCount) else {
      throw InvalidConfiguration(
        description: "--size must hold 4k for each of the \(workerCount) workers, and is \(regionSize)")
    }
  }

  private func validateSizes() throws(InvalidConfiguration) {
    let block = blockSize.byteCount
    guard block > 0, block.isMultiple(of: 512) else {
      throw InvalidConfiguration(description: "--bs must be a multiple of 512, and is \(block)")
    }
    guard block <= 16 << 20 else {
      throw InvalidConfiguration(description: "--bs must be at most 16m, and is \(blockSize)")
    }
    let region = regionSize.byteCount
    guard region.isMultiple(of: block) else {
      throw InvalidConfiguration(
        description: "--size must be a multiple of --bs (\(blockSize)), and is \(regionSize)")
    }
    guard region / block >= UInt64(workerCount) else {
      throw InvalidConfiguration(
        description:
          "--size must hold one block (\(blockSize)) for each of the \(workerCount) workers, and is \(regionSize)"
      )
    }
  }

  private func validateWindow() throws(InvalidConfiguration) {
    if let runtime, runtime.nanoseconds == 0 {
      throw InvalidConfiguration(description: "--runtime must be more than 0")
    }
    if let thinkTime, thinkTime.nanoseconds == 0 || thinkTime.seconds > 3600 {
      throw InvalidConfiguration(description: "--think-time must be more than 0 and at most an hour")
    }
    if let requestLimit, requestLimit == 0 || requestLimit > UInt64(Int64.max) {
      throw InvalidConfiguration(description: "--requests must be between 1 and \(Int64.max)")
    }
    if runtime == nil, requestLimit == nil {
      throw InvalidConfiguration(description: "--runtime or --requests must say when the window ends")
    }
  }

  /// Guests that share a disk would overwrite the marks that each other's verification looks for.
  private func validateSharing() throws(InvalidConfiguration) {
    if verifies, diskPath != nil, guestCount > 1 {
      throw InvalidConfiguration(
        description: "--verify with several guests needs a disk for each: leave out --disk")
    }
    if verifies, engine == .null {
      throw InvalidConfiguration(description: "--verify needs an engine that moves data: null moves none")
    }
  }

  /// Fewer CPUs than threads are taken in turns; more would be a misunderstanding.
  private func validatePlacement() throws(InvalidConfiguration) {
    if let ioThreadCPUs, ioThreadCPUs.count > ioThreadCount {
      throw InvalidConfiguration(
        description: "--io-thread-cpus names \(ioThreadCPUs.count) CPUs for --io-threads \(ioThreadCount)")
    }
    if let vcpuCPUs, vcpuCPUs.count > guestCount * workerCount {
      throw InvalidConfiguration(
        description: "--vcpu-cpus names \(vcpuCPUs.count) CPUs for \(guestCount * workerCount) vCPUs")
    }
  }

  private static func require(
    _ value: Int, within range: ClosedRange<Int>, option: String
  ) throws(InvalidConfiguration) {
    guard range.contains(value) else {
      throw InvalidConfiguration(
        description: "\(option) must be between \(range.lowerBound) and \(range.upperBound), and is \(value)")
    }
  }
}
