import ArgumentParser

/// `lkvm stop`.
struct StopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "stop", abstract: "stop")
}
