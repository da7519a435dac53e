import ArgumentParser
import Foundation

/// What matrix, compare and calibrate share: how often, in which order, and where to.
struct ExperimentOptions: ParsableArguments {
  @Option(name: .customLong("repeat"), help: "Boots of each cell on each side. Default: the scenario's.")
  var repetitionCount: Int?

  @Option(
    help: "Seed of the order and of the workloads. Default: the scenario's, or a new one, which is recorded.")
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "Folder of the run; it must not exist. Default: results/runs/<time>-<revision>-<name>.",
      valueName: "folder"))
  var output: String?

  @Option(help: ArgumentHelp("Go on with the run in this folder.", valueName: "folder"))
  var resume: String?

  @Flag(help: "Print the order of the boots and end.")
  var dryRun = false

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    if let repetitionCount, !(1...10_000).contains(repetitionCount) {
      throw ValidationError("--repeat must be between 1 and 10000, and is \(repetitionCount)")
    }
    if let seed, seed >= 1 << 53 { throw ValidationError("--seed must be below 2^53") }
    if resume != nil, output != nil || dryRun || seed != nil || repetitionCount != nil {
      throw ValidationError("--resume goes on as planned: no other option fits it")
    }
  }

  /// The plan for `scenario` on `sides`, on this host.
  ///
  /// - Parameters:
  ///   - defaultRepetitionCount: Boots where neither the user nor the scenario says more than one.
  ///   - mostRepetitions: Boots, whatever the scenario says, of a comparison that ends once it is sure.
  func plan(
    _ kind: ExperimentPlan.Kind, scenario: Scenario, sides: [ExperimentSide], host: HostDescription,
    defaultRepetitionCount: Int = 1, mostRepetitions: Int? = nil
  ) throws -> ExperimentPlan {
    try ScenarioRequirements.check(scenario.hostRequirements, host: host)
    for side in sides { try side.check(scenario.cells) }
    try refuseLinuxGuests(scenario, sides, host: host)
    try checkJobFiles(scenario, sides)
    let identity = RunIdentity.new(revision: try .capture())
    return ExperimentPlan(
      kind: kind, scenario: scenario, sides: sides,
      repetitionCount: mostRepetitions ?? repetitionCount
        ?? max(scenario.repetitionCount, defaultRepetitionCount),
      // 53 bits, so that every reader of JSON gets the recorded seed back.
      seed: seed ?? scenario.seed ?? UInt64.random(in: 0..<1 << 53), host: HostIdentity(host),
      startedAt: identity.startedAt)
  }

  /// Says at once what every boot would fail with.
  private func refuseLinuxGuests(_ scenario: Scenario, _ sides: [ExperimentSide], host: HostDescription)
    throws
  {
    guard !dryRun, let refusal = LinuxRequirements.refusal(on: host.kvmBackend) else { return }
    for cell in scenario.cells {
      for side in sides {
        let command = try RunCommand.parse(side.arguments(beside: cell.arguments))
        if command.machines.guest == .linux, command.needsMachine { throw refusal }
      }
    }
  }

  /// Reads each job file that a boot will get, so that a misspelt option costs none.
  private func checkJobFiles(_ scenario: Scenario, _ sides: [ExperimentSide]) throws {
    var seen: Set<[String]> = []
    for side in sides {
      let environment = ProcessInfo.processInfo.environment.merging(side.environment) { $1 }
      for cell in scenario.cells {
        let command = try RunCommand.parse(side.arguments(beside: cell.arguments))
        guard let path = command.linux.job, seen.insert([side.name, path]).inserted else { continue }
        let job = try FioJobFile(path: path, environment: environment)
        try FioParseCheck.check(
          command.runConfiguration(
            diskByteCount: nil, seed: 0, decision: command.likelyDecision, jobFile: job))
      }
    }
  }

  /// The options that were given, by name.
  var given: [String] {
    let options: [(name: String, isGiven: Bool)] = [
      ("--repeat", repetitionCount != nil), ("--seed", seed != nil), ("--output", output != nil),
      ("--resume", resume != nil), ("--dry-run", dryRun), ("--quiet", quiet),
    ]
    return options.filter(\.isGiven).map(\.name)
  }

  /// The folder of a new run of `plan`.
  func folder(for plan: ExperimentPlan) throws -> ExperimentFolder {
    let stem = RunIdentity.new(revision: try .capture()).fileStem
    let part = plan.shard.map { "-\($0.number)of\($0.count)" } ?? ""
    return try ExperimentFolder(
      creating: output ?? "\(OutputFiles.defaultFolder)/\(stem)-\(plan.name)-\(plan.kind.rawValue)\(part)",
      plan: plan)
  }

  /// The folder of a run of `kind` that was cut off, on the host that it began on.
  func resumed(_ path: String, kind: ExperimentPlan.Kind, host: HostIdentity) throws -> ExperimentFolder {
    let folder = try ExperimentFolder.resuming(path)
    guard folder.plan.kind == kind else {
      throw BenchFailure(
        "\(path) holds a \(folder.plan.kind.rawValue), not a \(kind.rawValue)", exitCode: .usage)
    }
    let differences = host.differences(from: folder.plan.host)
    guard differences.isEmpty else {
      throw BenchFailure(
        "\(path) began on another host: \(differences.joined(separator: "; "))", exitCode: .dataError)
    }
    return folder
  }
}
