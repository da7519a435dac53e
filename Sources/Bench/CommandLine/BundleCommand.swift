import ArgumentParser
import Foundation
import HostSystem

/// `bench bundle`: a run in one archive that others can check.
struct BundleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bundle",
    abstract:
      "Packs a run into one archive, or checks that an archive's figures and verdicts follow from its records.",
    discussion: """
      bench bundle results/runs/RUN --output run.tar    rows, records, scenario, host, report, figures' data, verdicts
      bench bundle --verify run.tar                     exit code 0, or 65 with what differs

      The archive is an RO-Crate 1.1. docs/bench-bundle.md lists its files.
      """)

  @Argument(help: ArgumentHelp("The run: a folder, or a file of rows.", valueName: "run"))
  var source: String?

  @Option(help: ArgumentHelp("The archive to make; it must not exist.", valueName: "file.tar"))
  var output: String?

  @Option(help: ArgumentHelp("Check this archive instead.", valueName: "file.tar"))
  var verify: String?

  @Option(
    name: .customLong("metric"),
    help: ArgumentHelp("For a comparison: judge by this metric; repeatable.", valueName: "column"))
  var metrics: [Metric] = []

  @Flag(help: "For a comparison: leave out boots with a mark.")
  var trustedOnly = false

  @Option(
    help: ArgumentHelp(
      "The license of the data, such as https://spdx.org/licenses/CC-BY-4.0.", valueName: "address"))
  var license: String?

  func validate() throws {
    if verify != nil {
      guard source == nil, output == nil, metrics.isEmpty, !trustedOnly, license == nil else {
        throw ValidationError("--verify takes an archive and nothing else")
      }
    } else if source == nil || output == nil {
      throw ValidationError("name a run and --output, or --verify and an archive")
    }
    if let output, output.isEmpty || output.hasSuffix("/") {
      throw ValidationError("--output must name a file")
    }
    if let license, !license.hasPrefix("https://") {
      throw ValidationError("--license takes an address that begins with https://")
    }
  }

  func run() throws {
    if let verify {
      let count = try RunBundle.verify(verify)
      try StandardOutput.writeLine(
        "\(verify): the sums of all files are right, and \(count) derived files follow from the records")
    } else if let source, let output {
      let settings = BundleSettings(
        benchVersion: ProjectVersion.text, metrics: metrics.isEmpty ? Metric.judgedByDefault : metrics,
        isTrustedOnly: trustedOnly, calibrations: try calibrations(of: source))
      let count = try RunBundle.make(
        of: source, settings: settings, license: license, archive: output,
        report: ReportCommand.page(of:root:))
      try StandardOutput.writeLine("\(output): \(count) files")
    }
  }

  /// What this user's cache knows of the host of a comparison.
  private func calibrations(of run: String) throws -> [Calibration] {
    guard FileManager.default.fileExists(atPath: "\(run)/plan.json") else { return [] }
    return try CalibrationStore.inUserCache.calibrations(of: ExperimentFolder.contents(run).plan.host)
  }
}
