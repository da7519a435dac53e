@testable import lkvm

/// Commands as the parser makes them from words.
enum ParsedCommand {
  /// Help was asked for where a command was expected.
  struct IsHelp: Error {}

  /// The command that `words`, which follow its name, describe.
  static func make<Command: Subcommand>(_ type: Command.Type, _ words: [String]) throws -> Command {
    guard case .command(let command) = try Command.parse(words) else { throw IsHelp() }
    return command
  }

  /// `lkvm run WORDS`.
  static func run(_ words: [String]) throws -> RunGuestCommand { try make(RunGuestCommand.self, words) }
}
