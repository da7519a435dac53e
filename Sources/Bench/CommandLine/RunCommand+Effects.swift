import Hypervisor

extension RunCommand {
  /// Options that only virtual machines and their I/O threads have: without effect in mode `host`.
  ///
  /// A scenario may have them for its other modes, and leaves them out of cells of this one.
  static let machineOptions = [
    "engine", "io-threads", "io-thread-cpus", "vcpu-cpus", "numa-node", "exits", "kernel", "initrd", "params",
    "memory", "idle",
  ]

  /// Those among ``machineOptions`` that were given another value than their default, by name.
  private var givenMachineOptions: [String] {
    let options: [(name: String, isGiven: Bool)] = [
      ("--engine \(machines.engine.rawValue)", machines.engine != .libaio),
      ("--io-threads \(machines.ioThreadCount)", machines.ioThreadCount != 1),
      ("--io-thread-cpus", machines.ioThreadCPUs != nil), ("--vcpu-cpus", machines.vcpuCPUs != nil),
      ("--numa-node", machines.numaNode != nil), ("--exits \(exitCounting.rawValue)", exitCounting != .stats),
    ]
    let names = Self.machineOptions.map { "--\($0)" }
    return options.filter(\.isGiven).map(\.name) + linux.given.filter(names.contains)
  }

  /// Options of a workload that a job file says itself, as far as they were given another value than their default.
  private var givenJobOptions: [String] {
    let options: [(name: String, isGiven: Bool)] = [
      ("--rw \(workload.rw.rawValue)", workload.rw != .randread),
      ("--bs \(workload.blockSize)", workload.blockSize.byteCount != 4096),
      ("--iodepth \(workload.iodepth)", workload.iodepth != 1),
      ("--requests", workload.requestLimit != nil), ("--ioengine", linux.ioengine != nil),
    ]
    return options.filter(\.isGiven).map(\.name)
  }

  private static func noEffect(_ option: String, _ reason: String) -> InvalidConfiguration {
    InvalidConfiguration(description: "\(option) has no effect: \(reason)")
  }

  /// Checks that each option that was given has an effect in `configuration`, on one of its paths at least.
  ///
  /// - Throws: ``InvalidConfiguration`` that names the first that has none.
  func checkEffects(in configuration: RunConfiguration) throws(InvalidConfiguration) {
    if !configuration.needsMachine, let option = givenMachineOptions.first {
      throw Self.noEffect(option, "--mode host has neither machines nor I/O threads")
    }
    if linux.job != nil, let option = givenJobOptions.first {
      throw Self.noEffect(option, "with --job, the job file says it")
    }
    if configuration.adaptations != nil, !configuration.modes.contains(.vextAdaptive) {
      throw Self.noEffect("--adaptation", "it needs --mode vext-adaptive, and other modes do not adapt")
    }
    if configuration.rebalances == true {
      guard configuration.ioThreadCount > 1 else {
        throw Self.noEffect("--rebalance", "queues move between I/O threads, and --io-threads is 1")
      }
      guard configuration.guest == .micro else {
        throw Self.noEffect("--rebalance", "queues of micro guests move, and the guest is linux")
      }
    }
    try checkStorageEffects(in: configuration)
  }

  private func checkStorageEffects(in configuration: RunConfiguration) throws(InvalidConfiguration) {
    let engine = configuration.engine
    let sharesFolders =
      !configuration.paths.isEmpty && configuration.paths.allSatisfy { $0.fileSystem.structure == .folder }
    if sharesFolders, engine != .libaio {
      throw Self.noEffect(
        "--engine \(engine.rawValue)", "a shared folder is served by virtiofsd or the 9p server")
    }
    if sharesFolders, configuration.ioThreadCount != 1 {
      throw Self.noEffect(
        "--io-threads \(configuration.ioThreadCount)",
        "a shared folder is served by virtiofsd or the 9p server")
    }
    guard !engine.usesStorage else { return }
    let reason = "--engine \(engine.rawValue) uses no file of the host, and so no page cache"
    if configuration.dropsCaches { throw Self.noEffect("--drop-caches", reason) }
    // A Linux guest has a page cache of its own.
    if !configuration.usesDirectIO, configuration.guest == .micro {
      throw Self.noEffect("--no-direct", reason)
    }
  }
}
