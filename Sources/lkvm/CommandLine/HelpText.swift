/// The output of `--help` and `lkvm help`, from the tables of options.
enum HelpText {
  private static let width = 96
  private static let column = 32

  /// The commands, and how to learn more.
  static func overview(_ commands: [AnySubcommand]) -> String {
    var text = "usage: lkvm COMMAND [OPTION...]\n\n\(LkvmCommand.abstract)\n\nCommands:\n"
    for command in commands { text += entry(command.description.name, command.description.abstract) }
    return text + """

      'lkvm help COMMAND' and 'lkvm COMMAND --help' list a command's options, 'lkvm COMMAND --help-all' with those of
      kvmtool that lkvm refuses. 'lkvm --version' prints the version, 'lkvm --generate-completion-script bash|zsh|fish' a
      shell's completions, and 'lkvm --generate-manual' the manual page.

      """
  }

  /// One command's usage and options.
  static func text(_ command: AnySubcommand, _ request: HelpRequest) -> String {
    let description = command.description
    var text = "usage: \(usage(command))\n\n" + wrapped(description.abstract, indent: 0)
    if !description.discussion.isEmpty { text += "\n" + wrapped(description.discussion, indent: 0) }
    for group in OptionDescription.Group.allCases where group != .kvmtool || request == .all {
      let options = command.options.filter { $0.group == group }
      if options.isEmpty { continue }
      text += "\n\(group.rawValue):\n"
      for option in options { text += entry(aligned(option), option.fullHelp) }
    }
    guard !command.options.isEmpty else { return text }
    return text + "\n"
      + wrapped(
        "--no-NAME undoes --NAME. Long names may be shortened as long as they are unambiguous. A value may follow its "
          + "option in the same word: -m512, --mem=512.", indent: 0)
  }

  /// The command's form: `lkvm stop [OPTION...]`.
  static func usage(_ command: AnySubcommand) -> String {
    let description = command.description
    var words = ["lkvm", description.name]
    if !command.options.isEmpty { words.append("[OPTION...]") }
    switch description.operand {
    case .none: break
    case .optional(let name, _): words.append("[\(name)]")
    case .required(let name, _): words.append(name)
    }
    if description.takesCommand {
      words.append(description.operandBeginsCommand ? "[--] COMMAND..." : "[-- COMMAND...]")
    }
    return words.joined(separator: " ")
  }

  /// Long names below each other, whether or not there is a letter before them.
  private static func aligned(_ option: OptionDescription) -> String {
    (option.short == nil ? "    " : "") + option.signature
  }

  private static func entry(_ name: String, _ help: String) -> String {
    let lines = wrapped(help, indent: column)
    guard name.count + 4 <= column else { return "  \(name)\n\(lines)" }
    return "  \(name)" + String(lines.dropFirst(name.count + 2))
  }

  /// `text` in lines, each behind `indent` spaces.
  private static func wrapped(_ text: String, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    var (lines, line) = ([String](), "")
    for word in text.split(separator: " ") {
      if !line.isEmpty, indent + line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? word : " \(word)"
    }
    return (lines + [line]).map { "\(margin)\($0)\n" }.joined()
  }
}
