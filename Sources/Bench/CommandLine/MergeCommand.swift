import ArgumentParser

/// `bench merge`: one run from the shards that several hosts ran.
struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Makes one run of the folders that bench matrix --shard left on several hosts.",
    discussion: """
      Every boot of the plan has to be there once. Folders of different plans, a boot that two folders have, and boots that are \
      missing end with exit code 65 and a message that names them; nothing is written then. docs/cluster.md has an example.
      """)

  @Argument(help: ArgumentHelp("The folders of all shards.", valueName: "folder"))
  var folders: [String]

  @Option(help: ArgumentHelp("Folder of the run; it must not exist.", valueName: "folder"))
  var output: String

  func validate() throws {
    guard !output.isEmpty, !output.hasSuffix("/") else {
      throw ValidationError("--output must name a folder without a slash behind it, and is '\(output)'")
    }
  }

  func run() throws {
    let merge = try ExperimentMerge(folders)
    try merge.write(to: output)
    let hosts = merge.hosts
    try StandardOutput.writeLine(
      "\(merge.plan.boots.count) boots from \(folders.count) shards; rows: \(output)/rows.csv\n"
        + (hosts.count == 1
          ? "one kind of host: " : "\(hosts.count) kinds of hosts, which are not comparable: ")
        + hosts.joined(separator: "; "))
  }
}
