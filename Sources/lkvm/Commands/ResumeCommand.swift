import ArgumentParser

/// `lkvm resume`.
struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "resume", abstract: "resume")
}
