/// The manual page lkvm(1), from the tables of options.
enum ManualPage {
  /// The page in the language of man(7).
  static func text(_ commands: [AnySubcommand]) -> String {
    var text = """
      .TH LKVM 1 "" "lkvm \(LkvmVersion.text)"
      .SH NAME
      lkvm \\- \(escaped(lowercasedFirst(LkvmCommand.abstract)))
      .SH SYNOPSIS

      """
    for command in commands { text += ".B \(escaped(HelpText.usage(command)))\n.br\n" }
    text += ".SH COMMANDS\n"
    var described: [String: [OptionDescription]] = [:]
    for command in commands {
      let description = command.description
      text += ".SS \(escaped(HelpText.usage(command)))\n\(escaped(description.abstract))\n"
      if !description.discussion.isEmpty { text += ".PP\n\(escaped(description.discussion))\n" }
      // Options that two commands share are described once.
      if let earlier = described.first(where: { !$0.value.isEmpty && $0.value == command.options }) {
        text += ".PP\nThe options are those of\n.BR \"lkvm \(earlier.key)\" .\n"
        continue
      }
      described[description.name] = command.options
      for group in OptionDescription.Group.allCases {
        let options = command.options.filter { $0.group == group }
        if options.isEmpty { continue }
        if group != .guests { text += ".PP\n.B \(group.rawValue)\n" }
        for option in options {
          text += ".TP\n.B \(escaped(option.signature))\n\(escaped(option.fullHelp))\n"
        }
      }
    }
    return text + """
      .SH OPTIONS
      Each command has
      .B \\-\\-help
      and
      .BR \\-\\-help\\-all .
      .B \\-\\-no\\-NAME
      undoes
      .BR \\-\\-NAME .
      Long names may be shortened as long as they are unambiguous. A value may follow its option in the same word:
      .BR \\-m512 ,
      .BR \\-\\-mem=512 .
      Numbers may be hexadecimal (0x10).
      .SH EXIT STATUS
      64 for a command line that cannot be, 1 where the host refuses, 70 where KVM could not go on, 71 for a panic of the
      guest's kernel, and the exit code of a command that ran in a guest.
      .SH ENVIRONMENT
      .TP
      .B LKVM_HOME
      The folder of sockets and root file systems instead of ~/.lkvm.

      """
  }

  private static func lowercasedFirst(_ text: String) -> String {
    text.prefix(1).lowercased() + text.dropFirst()
  }

  /// `text` as words of a line: roff's control characters lose their meaning.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "\\": result += "\\e"
      case "-": result += "\\-"
      default: result.append(character)
      }
    }
    return result.hasPrefix(".") || result.hasPrefix("'") ? "\\&" + result : result
  }
}
