import ArgumentParser

/// `lkvm balloon`.
struct BalloonCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "balloon", abstract: "balloon")
}
