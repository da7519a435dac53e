import ArgumentParser
import Foundation

/// `bench doctor`: what on this host will spoil results, and how to set it right.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract:
      "Says what on this host will spoil results, and how to set it right; it changes nothing itself.",
    discussion: """
      The host is judged for a run with the same options. Exit code: 0 nothing spoils results, 3 something does, 64 usage.
      """)

  @Option(
    help: ArgumentHelp(
      "The image or block device that will be measured; nothing is written.", valueName: "path"))
  var disk: String?

  @Option(
    help: ArgumentHelp(
      "Where bench would make disks of its own. Default: the variable BENCH_SCRATCH, else results/runs.",
      valueName: "folder"))
  var scratch: String?

  @Flag(inversion: .prefixedNo, help: "Leave out the page cache (O_DIRECT).")
  var direct = true

  @OptionGroup(title: "Machines and placement")
  var machines: GuestMachineOptions

  @Option(help: "How the findings are printed.")
  var format = ReportFormat.table

  func validate() throws {
    do {
      try runConfiguration().validate()
    } catch let error as InvalidConfiguration {
      throw ValidationError(error.description)
    }
  }

  /// The run that is planned: all that is not said is as in `bench run`.
  private func runConfiguration() throws -> RunConfiguration {
    var run = try RunCommand.parse([])
    run.machines = machines
    run.diskOptions.disk = disk
    run.diskOptions.direct = direct
    return run.runConfiguration(diskByteCount: nil, seed: 0, decision: run.likelyDecision)
  }

  func run() throws {
    if let disk { _ = try DiskSize.byteCount(disk) }
    let environment = try DoctorEnvironment.capture(
      runConfiguration(),
      scratchFolder: scratch ?? ProcessInfo.processInfo.environment["BENCH_SCRATCH"]
        ?? OutputFiles.defaultFolder)
    let report = DoctorReport(environment)
    try StandardOutput.write(report.text(format))
    if let code = report.exitCode { throw ExitCode(code.rawValue) }
  }
}
