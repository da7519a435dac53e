import ArgumentParser
import Hypervisor

/// What rows of the boots of a plan must say, by the options that the plan boots them with.
final class BootExpectations {
  private let plan: ExperimentPlan
  /// By cell and side, whose boots differ in the seed alone.
  private var commands: [[Int]: Result<RunCommand, BenchFailure>] = [:]

  /// The expectations of `plan`.
  init(_ plan: ExperimentPlan) { self.plan = plan }

  /// The first thing that `row` says otherwise than the plan's options for `boot`, in a few words; nil if there is none.
  func difference(of row: Row, in boot: ExperimentPlan.Boot) -> String? {
    let command: RunCommand
    do {
      command = try self.command(of: boot).get()
    } catch {
      return "plan.json has options for this boot that bench run refuses: \(error)"
    }
    let kind = GuestKind(rawValue: row.text(\.guest) ?? "") ?? .micro
    let configuration = command.runConfiguration(
      diskByteCount: nil, seed: boot.seed, decision: GuestDecision(kind: kind, reason: ""))
    for (column, expected) in Self.values(configuration, command: command, seed: boot.seed) {
      guard let text = row.text(of: column), !Self.isSame(text, expected) else { continue }
      return "\(column.name) is \(CSVText.quoted(text)), and plan.json boots it with \(expected)"
    }
    return nil
  }

  private func command(of boot: ExperimentPlan.Boot) -> Result<RunCommand, BenchFailure> {
    let key = [boot.cell, boot.side]
    if let command = commands[key] { return command }
    let result: Result<RunCommand, BenchFailure>
    do {
      result = .success(try RunCommand.parse(Array(plan.arguments(of: boot, output: "rows.csv").dropFirst())))
    } catch {
      result = .failure(
        BenchFailure(BenchCommand.firstLine(RunCommand.message(for: error)), exitCode: .dataError))
    }
    commands[key] = result
    return result
  }

  /// The columns that follow from the options, with their values in a row.
  private static func values(
    _ configuration: RunConfiguration, command: RunCommand, seed: UInt64
  ) -> [(any AnyRecordColumn, String)] {
    let columns = RecordColumns.table
    var configuration = configuration
    configuration.seed = seed
    // A boot is of one mode and one VMM; an experiment refuses others.
    let mode = configuration.modes.count == 1 ? configuration.modes[0] : nil
    var values: [(any AnyRecordColumn, String)] = [
      (columns.guests, "\(configuration.guestCount)"), (columns.busyGuests, "\(configuration.busyGuests)"),
      (columns.workers, "\(configuration.workerCount)"),
      (columns.ioThreads, "\(configuration.ioThreadCount)"),
    ]
    if let mode {
      values.append((columns.mode, mode.rawValue))
      values.append((columns.engine, mode.engine(configuration.engine).rawValue))
    }
    if configuration.vmms.count == 1 { values.append((columns.vmm, configuration.vmms[0].rawValue)) }
    if configuration.paths.count == 1 {
      values.append((columns.fileSystem, configuration.paths[0].fileSystem.rawValue))
    }
    if let cell = RunPlan(configuration).cells.first { values.append((columns.seed, "\(cell.seed)")) }
    if command.workload.regionSize != nil {
      values.append((columns.regionBytes, "\(configuration.regionSize.byteCount)"))
    }
    // Phases of a job file say the rest themselves.
    return command.linux.job == nil ? values + workload(configuration) : values
  }

  private static func workload(_ configuration: RunConfiguration) -> [(any AnyRecordColumn, String)] {
    let columns = RecordColumns.table
    return [
      (columns.rw, configuration.rw.rawValue), (columns.blockBytes, "\(configuration.blockSize.byteCount)"),
      (columns.iodepth, "\(configuration.iodepth)"), (columns.direct, "\(configuration.usesDirectIO)"),
      (columns.verify, "\(configuration.verifies)"),
      (columns.runtimeSeconds, "\(configuration.runtime?.seconds ?? 0)"),
      (columns.warmupSeconds, "\(configuration.warmup.seconds)"),
      (columns.requestLimit, "\(configuration.requestLimit ?? 0)"),
      (columns.thinkTimeSeconds, "\(configuration.thinkTime?.seconds ?? 0)"),
    ]
  }

  private static func isSame(_ text: String, _ expected: String) -> Bool {
    text == expected || text.lowercased() == expected || DecimalText.agree(text, expected)
  }
}
