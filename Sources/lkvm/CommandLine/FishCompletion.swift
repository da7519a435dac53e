/// Completions for fish, from the tables of options.
enum FishCompletion {
  /// A script for a folder of `fish_complete_path`, named `lkvm.fish`.
  static func script(_ commands: [AnySubcommand]) -> String {
    var text = """
      # fish completion for lkvm: written by 'lkvm --generate-completion-script fish'.
      function __lkvm_guests
        lkvm list --run 2> /dev/null | awk 'NR > 1 { print $2 }'
      end

      complete -c lkvm -f
      complete -c lkvm -n __fish_use_subcommand -l version -d 'Print the version.'
      complete -c lkvm -n __fish_use_subcommand -l generate-completion-script -x -a 'bash zsh fish' -d 'Print completions.'
      complete -c lkvm -n __fish_use_subcommand -l generate-manual -d 'Print the manual page.'
      complete -c lkvm -n __fish_use_subcommand -a help -d 'List the commands, or the options of one.'
      complete -c lkvm -n '__fish_seen_subcommand_from help' -a '\(commands.map(\.description.name).joined(separator: " "))'

      """
    for command in commands {
      let description = command.description
      text +=
        "complete -c lkvm -n __fish_use_subcommand -a \(description.name) -d '\(escaped(description.abstract))'\n"
      let condition = "complete -c lkvm -n '__fish_seen_subcommand_from \(description.name)'"
      for option in command.options {
        let short = option.short.map { " -s \($0)" } ?? ""
        text += "\(condition)\(short) -l \(option.long)\(value(option)) -d '\(escaped(option.fullHelp))'\n"
      }
      text += "\(condition) -l help -d 'Show the options.'\n\(condition) -l help-all -d 'Show all options.'\n"
      switch description.operand {
      case .optional(_, .files), .required(_, .files): text += "\(condition) -F\n"
      default: break
      }
      if description.operandBeginsCommand { text += "\(condition) -a '(__fish_complete_command)'\n" }
    }
    return text
  }

  private static func value(_ option: OptionDescription) -> String {
    // An optional value cannot be a word of its own for fish: -r would demand one.
    guard case .value = option.shape else { return "" }
    switch option.completion {
    case .none: return " -x"
    case .files: return " -r -F"
    case .folders: return " -x -a '(__fish_complete_directories)'"
    case .guests: return " -x -a '(__lkvm_guests)'"
    case .settings(let settings): return " -x -a '\(settings.joined(separator: " "))'"
    case .words(let words): return " -x -a '\(words.joined(separator: " "))'"
    }
  }

  /// `text` between single quotes.
  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      if character == "'" || character == "\\" { result += "\\" }
      result.append(character)
    }
  }
}
