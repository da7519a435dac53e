import ArgumentParser
import Foundation
import HostSystem

/// A matrix of boots: options of `bench run` that stay the same, and axes along which others vary.
struct Scenario: Equatable, Sendable {
  /// For titles and file names.
  let name: String
  /// What it is for.
  let description: String
  /// Boots of each cell.
  let repetitionCount: Int
  /// Seed of the order and of the workloads; nil: a new one for each run.
  let seed: UInt64?
  /// What the host must be like: a key of the record's `host` and its value; a number is the least that will do.
  let hostRequirements: [ScenarioCell.Setting]
  /// The combinations, in the order of the axes.
  let cells: [ScenarioCell]

  /// A scenario of one cell, from the options of a `bench run`.
  ///
  /// - Parameter sidesNameModes: Whether the sides of a comparison say what is missing here.
  init(arguments: [String], sidesNameModes: Bool = false) throws {
    let command: RunCommand
    do {
      command = try RunCommand.parse(arguments)
    } catch {
      throw BenchFailure(BenchCommand.firstLine(RunCommand.message(for: error)), exitCode: .usage)
    }
    let modes = command.modeLists.flatMap(\.modes)
    guard modes.count == 1 || sidesNameModes && modes.isEmpty else {
      throw BenchFailure("name one mode with --mode, or take a --scenario of several", exitCode: .usage)
    }
    guard command.machines.vmms.count == 1 else {
      throw BenchFailure("name one VMM with --vmm, or take a --scenario of several", exitCode: .usage)
    }
    guard command.output == nil, !command.dryRun else {
      throw BenchFailure("--output and --dry-run belong before the --", exitCode: .usage)
    }
    if let name = ExperimentSide.optionOfTheWhole(in: arguments) {
      throw BenchFailure("\(name) belongs before the --", exitCode: .usage)
    }
    name = "options"
    description = arguments.joined(separator: " ")
    repetitionCount = command.repetitionCount
    seed = command.workload.seed
    hostRequirements = []
    let title = arguments.isEmpty ? "the defaults" : arguments.joined(separator: " ")
    cells = [ScenarioCell(title: title, arguments: arguments)]
  }

  /// A scenario of these parts.
  init(
    name: String, description: String, repetitionCount: Int, seed: UInt64?,
    hostRequirements: [ScenarioCell.Setting], cells: [ScenarioCell]
  ) {
    self.name = name
    self.description = description
    self.repetitionCount = repetitionCount
    self.seed = seed
    self.hostRequirements = hostRequirements
    self.cells = cells
  }

  /// A short hash of what is booted: FNV-1a over the cells' arguments.
  var fingerprint: String {
    let text = cells.map { $0.arguments.joined(separator: "\u{1F}") }.joined(separator: "\u{1E}")
    return String(format: "%016llx", FNV1a.hash(text.utf8))
  }

  /// About how long a boot of each cell takes; nil where only a number of requests ends the window.
  func estimatedSeconds() -> [Double?] {
    cells.map { cell in
      guard let command = try? RunCommand.parse(cell.arguments) else { return nil }
      return RunPlan.estimatedSecondsPerCell(
        command.runConfiguration(diskByteCount: nil, seed: 0, decision: command.likelyDecision))
    }
  }
}
