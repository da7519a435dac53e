import ArgumentParser

/// `lkvm stat`.
struct StatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "stat", abstract: "stat")
}
