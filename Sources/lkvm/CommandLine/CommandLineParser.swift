/// Reads the words behind a command's name by the table of its options, as kvmtool's parser does (git's parse-options):
/// `-k FILE`, `-kFILE`, `--kernel FILE`, `--kernel=FILE`, `-ad` for two flags, `--no-NAME`, and unambiguous beginnings of
/// long names.
struct CommandLineParser<Settings> {
  /// A parsed command line.
  struct Line {
    /// The settings from the options.
    var settings: Settings
    /// Words that belong to no option.
    var operands: [String] = []
    /// The words after `--`, or from the first operand on if that begins a command.
    var command: [String] = []
    /// The help that `--help` or `--help-all` asks for; the other words do not matter then.
    var help: HelpRequest?
  }

  /// The command's name, for messages.
  let name: String
  /// The options.
  let rows: [OptionRow<Settings>]
  /// Whether the first operand begins a command, whose words are its own.
  var operandBeginsCommand = false

  /// Reads `words`.
  ///
  /// - Throws: a usage failure for the first word that cannot be.
  func parse(_ words: [String], into settings: Settings) throws(LkvmFailure) -> Line {
    var line = Line(settings: settings)
    var rest = words[...]
    while line.help == nil, let word = rest.popFirst() {
      if word == "--" {
        line.command = Array(rest)
        break
      } else if word.hasPrefix("--") {
        try parseLong(word, &rest, &line)
      } else if word.hasPrefix("-"), word != "-" {
        try parseShort(word, &rest, &line)
      } else if operandBeginsCommand {
        line.command = [word] + rest
        break
      } else {
        line.operands.append(word)
      }
    }
    return line
  }

  private func parseLong(
    _ word: String, _ rest: inout ArraySlice<String>, _ line: inout Line
  ) throws(LkvmFailure) {
    let body = word.dropFirst(2)
    let name = body.prefix { $0 != "=" }
    var value = name.endIndex == body.endIndex ? nil : String(body[name.endIndex...].dropFirst())
    switch try match(String(name)) {
    case .help(let request): line.help = request
    case .off(let row):
      guard value == nil else { throw usage("--\(name) takes no value") }
      try apply(row, .off, &line)
    case .on(let row):
      if value != nil, !row.description.takesValue {
        throw usage("--\(row.description.long) takes no value")
      }
      if value == nil { value = try takeValue(of: row, &rest) }
      try apply(row, value.map { .value($0) } ?? .bare, &line)
    }
  }

  /// One letter, or several: the letters of flags, and of one option whose value is the word's rest or the next word.
  private func parseShort(
    _ word: String, _ rest: inout ArraySlice<String>, _ line: inout Line
  ) throws(LkvmFailure) {
    var letters = word.dropFirst()
    while let letter = letters.popFirst() {
      guard let row = rows.first(where: { $0.description.short == letter }) else {
        if letter == "h" {
          line.help = .usual
          return
        }
        throw usage("unknown option '-\(letter)'" + (word.count > 2 ? " in '\(word)'" : ""))
      }
      guard row.description.takesValue else {
        try apply(row, .bare, &line)
        continue
      }
      let value = letters.isEmpty ? try takeValue(of: row, &rest) : String(letters)
      return try apply(row, value.map { .value($0) } ?? .bare, &line)
    }
  }

  /// The next word, whatever it begins with: `-p "-- single"`. An optional value does not begin with a dash.
  private func takeValue(
    of row: OptionRow<Settings>, _ rest: inout ArraySlice<String>
  ) throws(LkvmFailure) -> String? {
    switch row.description.shape {
    case .flag, .attachedValue: return nil
    case .optionalValue:
      guard let next = rest.first, !next.hasPrefix("-") else { return nil }
      return rest.popFirst()
    case .value(let valueName):
      guard let next = rest.popFirst() else {
        throw usage("--\(row.description.long): a value is missing; wanted \(valueName)")
      }
      return next
    }
  }

  private func apply(
    _ row: OptionRow<Settings>, _ input: OptionRow<Settings>.Input, _ line: inout Line
  ) throws(LkvmFailure) {
    do throws(OptionProblem) { try row.apply(&line.settings, input) } catch {
      var value = ""
      if case .value(let text) = input {
        value = " " + (text.count <= Self.shownLimit ? text : String(text.prefix(Self.shownLimit)) + "...")
      }
      throw .usage("--\(row.description.long)\(value): \(error.text)")
    }
  }

  /// How many characters of a value a message repeats.
  private static var shownLimit: Int { 200 }

  private enum Match {
    case on(OptionRow<Settings>)
    case off(OptionRow<Settings>)
    case help(HelpRequest)
  }

  /// The option that `name` stands for: its whole name, or the beginning of one name only.
  private func match(_ name: String) throws(LkvmFailure) -> Match {
    if let row = rows.first(where: { $0.description.long == name }) { return .on(row) }
    if let request = HelpRequest(rawValue: name) { return .help(request) }
    if let row = rows.first(where: { $0.description.oppositeNames.contains(name) }) { return .off(row) }
    guard !name.isEmpty else { throw usage("unknown option '--\(name)'") }
    let on = rows.filter { $0.description.long.hasPrefix(name) }
    // Not for "n" and "no", which every opposite begins with.
    let off =
      name.hasPrefix("no-")
      ? rows.filter { row in row.description.oppositeNames.contains { $0.hasPrefix(name) } } : []
    let help = HelpRequest.allCases.filter { $0.rawValue.hasPrefix(name) }
    // A beginning of "help" is help, although "help-all" begins with it too.
    if on.isEmpty, off.isEmpty, let request = help.first { return .help(request) }
    if on.count + off.count + help.count == 1 {
      if let row = on.first { return .on(row) }
      if let row = off.first { return .off(row) }
    }
    let names =
      on.map(\.description.long) + off.map { "no-\($0.description.long)" } + help.map(\.rawValue)
    guard !names.isEmpty else { throw usage("unknown option '--\(name)'") }
    throw usage("'--\(name)' is ambiguous: it may be \(names.map { "--\($0)" }.joined(separator: ", "))")
  }

  private func usage(_ text: String) -> LkvmFailure { .usage("\(text); see 'lkvm \(name) --help'") }
}

/// The kind of help.
enum HelpRequest: String, CaseIterable {
  /// `--help`.
  case usual = "help"
  /// `--help-all`: with the options that are rarely wanted.
  case all = "help-all"
}
