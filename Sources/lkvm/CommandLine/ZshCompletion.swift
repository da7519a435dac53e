/// Completions for zsh, from the tables of options.
enum ZshCompletion {
  /// A script for a folder of `fpath`, named `_lkvm`.
  static func script(_ commands: [AnySubcommand]) -> String {
    let names = commands.map { "    '\($0.description.name):\(escaped($0.description.abstract))'\n" }.joined()
    return """
      #compdef lkvm
      # zsh completion for lkvm: written by 'lkvm --generate-completion-script zsh'.
      _lkvm_guests() {
        local -a guests
        guests=(${(f)"$(lkvm list --run 2> /dev/null | awk 'NR > 1 { print $2 }')"})
        compadd -a guests
      }

      _lkvm() {
        local state line
        local -a subcommands
        subcommands=(
      \(names)    'help:List the commands, or the options of one.'
        )
        _arguments -C '--help[List the commands.]' '--version[Print the version.]' \\
          '--generate-completion-script[Print completions for a shell.]:shell:(bash zsh fish)' \\
          '--generate-manual[Print the manual page.]' '1:command:->command' '*::argument:->arguments'
        case $state in
          command) _describe command subcommands ;;
          arguments)
            case $words[1] in
              help) _describe command subcommands ;;
      \(commands.map(branch).joined())      esac ;;
        esac
      }

      if [[ $funcstack[1] == _lkvm ]]; then _lkvm "$@"; else compdef _lkvm lkvm; fi

      """
  }

  private static func branch(_ command: AnySubcommand) -> String {
    var specifications = command.options.flatMap(specifications)
    specifications += ["'--help[Show this command'\\''s options.]'", "'--help-all[Show all options.]'"]
    switch command.description.operand {
    case .none: break
    case .optional(let name, let completion): specifications.append("'::\(name):\(action(completion))'")
    case .required(let name, let completion): specifications.append("':\(name):\(action(completion))'")
    }
    if command.description.operandBeginsCommand {
      specifications += ["'(-)1:command:_command_names -e'", "'*::argument:_normal'"]
    }
    var text = "        \(command.description.name))\n"
    if command.description.takesCommand {
      // Behind two dashes there are a command and its own arguments.
      text += """
                  local dashes=${words[(i)--]}
                  if ((dashes < CURRENT)); then
                    shift $dashes words
                    ((CURRENT -= dashes))
                    _normal
                    return
                  fi

        """
    }
    return text + "          _arguments -s \\\n"
      + specifications.map { "            \($0)" }.joined(separator: " \\\n") + " ;;\n"
  }

  /// The letter and the long name; either may be given more than once.
  private static func specifications(_ option: OptionDescription) -> [String] {
    let help = escaped(option.fullHelp)
    let names: [String]
    var value = ""
    switch option.shape {
    case .flag:
      names = (option.short.map { ["-\($0)"] } ?? []) + ["--\(option.long)"]
    case .value(let name):
      names = (option.short.map { ["-\($0)+"] } ?? []) + ["--\(option.long)="]
      value = ":\(name.replacing(":", with: "\\:")):\(action(option.completion))"
    case .optionalValue(let name):
      names = (option.short.map { ["-\($0)+"] } ?? []) + ["--\(option.long)="]
      value = "::\(name.replacing(":", with: "\\:")):\(action(option.completion))"
    case .attachedValue(let name):
      names = ["--\(option.long)=-"]
      value = "::\(name.replacing(":", with: "\\:")):\(action(option.completion))"
    }
    return names.map { "'*\($0)[\(help)]\(value)'" }
  }

  private static func action(_ completion: OptionDescription.Completion) -> String {
    switch completion {
    case .none: " "
    case .files: "_files"
    case .folders: "_files -/"
    case .guests: "_lkvm_guests"
    case .settings(let settings): "(\(settings.joined(separator: " ")))"
    case .words(let words): "(\(words.joined(separator: " ")))"
    }
  }

  /// `text` between single quotes in a specification of _arguments.
  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "'": result += "'\\''"
      case "[", "]", ":", "\\": result += "\\\(character)"
      default: result.append(character)
      }
    }
  }
}
