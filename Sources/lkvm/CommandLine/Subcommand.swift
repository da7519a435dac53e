import Hypervisor

/// A command of lkvm: its options fill `Settings`, from which the command is made.
protocol Subcommand {
  associatedtype Settings
  /// The description for help, completion and the manual page.
  static var description: CommandDescription { get }
  /// Its options.
  static var options: [OptionRow<Settings>] { get }
  /// The settings without any option.
  static var defaults: Settings { get }
  /// Judges what the options say together.
  ///
  /// - Throws: a usage failure.
  init(_ line: CommandLineParser<Settings>.Line) throws(LkvmFailure)
  /// Does it.
  ///
  /// - Returns: the process's exit code.
  func run(_ startUp: StartUpClock) throws -> Int32
}

/// The description of a command for help, completion and the manual page.
struct CommandDescription {
  /// The operands: words that belong to no option.
  enum Operand: Equatable {
    /// There are none.
    case none
    /// One operand may be given.
    case optional(String, OptionDescription.Completion)
    /// One operand must be given.
    case required(String, OptionDescription.Completion)
  }

  /// The command's name.
  let name: String
  /// The effect of the command, in one sentence.
  let abstract: String
  /// More about it.
  var discussion = ""
  /// Words that belong to no option.
  var operand = Operand.none
  /// Whether a command to run in a guest may follow.
  var takesCommand = false
  /// Whether the first word that belongs to no option begins it.
  var operandBeginsCommand = false
}

extension Subcommand {
  /// Parses `words`, which follow the command's name, into a command or a request for help.
  static func parse(_ words: [String]) throws(LkvmFailure) -> ParseResult<Self> {
    let parser = CommandLineParser(
      name: description.name, rows: options, operandBeginsCommand: description.operandBeginsCommand)
    var line = try parser.parse(words, into: defaults)
    if let request = line.help { return .help(request) }
    if !description.takesCommand {
      line.operands += line.command
      line.command = []
    }
    let operandLimit = description.operand == .none ? 0 : 1
    if line.operands.count > operandLimit {
      throw .usage(
        "unexpected argument '\(line.operands[operandLimit])'; see 'lkvm \(description.name) --help'")
    }
    if case .required(let operandName, _) = description.operand, line.operands.isEmpty {
      throw .usage("\(operandName) is missing; see 'lkvm \(description.name) --help'")
    }
    return .command(try Self(line))
  }

  /// Runs the command or prints the help that `words` ask for.
  static func perform(_ words: [String], _ startUp: StartUpClock) throws -> Int32 {
    switch try parse(words) {
    case .help(let request):
      print(HelpText.text(AnySubcommand(Self.self), request), terminator: "")
      return 0
    case .command(let command): return try command.run(startUp)
    }
  }
}

/// The result of parsing a command line.
enum ParseResult<Command> {
  /// A command to run.
  case command(Command)
  /// Help was asked for.
  case help(HelpRequest)
}

/// A command without the type of its settings.
struct AnySubcommand {
  /// The description for help, completion and the manual page.
  let description: CommandDescription
  /// Its options, as help, completion and the manual page describe them.
  let options: [OptionDescription]
  /// Runs the command with the words behind its name.
  let perform: ([String], StartUpClock) throws -> Int32

  /// The command `type`.
  init<Command: Subcommand>(_ type: Command.Type) {
    description = type.description
    options = type.options.map(\.description)
    perform = type.perform
  }
}
