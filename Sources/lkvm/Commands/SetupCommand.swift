import ArgumentParser

/// `lkvm setup`.
struct SetupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "setup", abstract: "setup")
}
