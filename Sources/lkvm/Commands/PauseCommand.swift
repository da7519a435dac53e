import ArgumentParser

/// `lkvm pause`.
struct PauseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "pause", abstract: "pause")
}
