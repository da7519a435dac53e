import ArgumentParser

/// `lkvm debug`.
struct DebugCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "debug", abstract: "debug")
}
