import ArgumentParser

/// Which running guests a command is for.
struct InstanceOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "All running guests.")
  var all = false

  @Option(name: .shortAndLong, help: "The guest of this name; repeatable.")
  var name: [String] = []

  func validate() throws {
    if all, !name.isEmpty { throw ValidationError("--all and --name exclude each other") }
    if !all, name.isEmpty { throw ValidationError("name a guest with --name, or take --all") }
  }
}
