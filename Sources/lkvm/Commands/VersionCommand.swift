import ArgumentParser

/// `lkvm version`.
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

  func run() { print("lkvm \(LkvmVersion.text)") }
}
