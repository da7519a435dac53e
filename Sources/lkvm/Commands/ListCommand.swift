import ArgumentParser

/// `lkvm list`.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "list")
}
