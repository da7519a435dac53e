import ArgumentParser

/// `bench diff-hosts`: why results of two hosts may differ.
struct DiffHostsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff-hosts",
    abstract: "Lists what differs between two hosts as records describe them, what usually matters first.",
    discussion: """
      A record is the JSON file beside the rows of a run, the folder of a run, or the output of bench doctor --format json.
      """)

  @Argument(help: ArgumentHelp("A record of the one host.", valueName: "a"))
  var recordA: String

  @Argument(help: ArgumentHelp("A record of the other one.", valueName: "b"))
  var recordB: String

  @Option(help: "How the differences are printed.")
  var format = ReportFormat.table

  func run() throws {
    let (hostA, hostB) = (try HostDifferences.host(at: recordA), try HostDifferences.host(at: recordB))
    let differences = try HostDifferences(
      titleA: "\(recordA) (\(hostA.summary))", hostA: hostA, titleB: "\(recordB) (\(hostB.summary))",
      hostB: hostB)
    try StandardOutput.write(differences.text(format))
  }
}
