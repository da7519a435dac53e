import ArgumentParser

/// Which running guests a command is for.
struct InstanceOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "All running guests.")
  var all = false

  @Option(name: .shortAndLong, help: "The guest of this name; repeatable.")
  var name: [String] = []

  func validate() throws {
    guard all != name.isEmpty else {
      guard all else { throw ValidationError("name a guest with --name, or take --all") }
      throw ValidationError("--all and --name exclude each other")
    }
  }
}
