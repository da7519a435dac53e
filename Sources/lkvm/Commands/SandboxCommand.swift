import ArgumentParser

/// `lkvm sandbox`.
struct SandboxCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "sandbox", abstract: "sandbox")
}
