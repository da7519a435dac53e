/// Completions for bash, from the tables of options.
enum BashCompletion {
  /// A script to source.
  static func script(_ commands: [AnySubcommand]) -> String {
    let names = commands.map(\.description.name).joined(separator: " ")
    return """
      # bash completion for lkvm: written by 'lkvm --generate-completion-script bash'.
      _lkvm_guests() { lkvm list --run 2> /dev/null | awk 'NR > 1 { print $2 }'; }

      _lkvm_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2"); }

      # The settings in $1 after the last comma of $2, for the last of the words that bash makes of it.
      _lkvm_settings() {
        local setting=${2##*,} word=${2##*[=:]} before reply
        before=${word%"${word##*,}"}
        while read -r reply; do
          [[ $setting != *=* ]] || reply=${reply#"${setting%=*}="}
          COMPREPLY+=("$before$reply")
        done < <(compgen -W "$1" -- "$setting")
        [[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2> /dev/null
      }

      _lkvm_paths() {
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
      }

      _lkvm() {
        local current=${COMP_WORDS[COMP_CWORD]} before=$((COMP_CWORD - 1)) previous i
        # bash takes mode=user for three words, and a host's address with a port too.
        local whole=$current first=$COMP_CWORD
        while ((first > 2)) && [[ ${COMP_WORDS[first]} == [=:] || ${COMP_WORDS[first - 1]} == [=:] ]]; do
          first=$((first - 1))
          whole=${COMP_WORDS[first]}$whole
        done
        COMPREPLY=()
        # bash takes --kernel=FILE for three words.
        [[ $current != "=" ]] || { current=""; before=$COMP_CWORD; }
        [[ ${COMP_WORDS[before]} != "=" ]] || before=$((before - 1))
        previous=${COMP_WORDS[before]}
        if ((COMP_CWORD == 1)); then
          _lkvm_words "\(names) help --help --version --generate-completion-script --generate-manual" "$current"
          return
        fi
        case ${COMP_WORDS[1]} in
          help) _lkvm_words "\(names)" "$current" ;;
          --generate-completion-script) _lkvm_words "bash zsh fish" "$current" ;;
      \(commands.map(branch).joined())  esac
      }

      complete -F _lkvm lkvm

      """
  }

  private static func branch(_ command: AnySubcommand) -> String {
    let description = command.description
    var text = "    \(description.name))\n"
    if description.takesCommand {
      text += """
              for ((i = 2; i < COMP_CWORD; i++)); do
                [[ ${COMP_WORDS[i]} != -- ]] || { _lkvm_paths -c "$current"; return; }
              done

        """
    }
    for option in command.options {
      guard case .settings(let settings) = option.completion else { continue }
      let names = (["--\(option.long)"] + (option.short.map { ["-\($0)"] } ?? [])).map { "\"\($0) \"[!-]*" }
      let list = settings.joined(separator: " ")
      text += """
              case "${COMP_WORDS[first - 1]} ${whole:-,}" in
                \(names.joined(separator: " | ")) | *" --\(option.long)="*)
                  _lkvm_settings "\(list)" "${whole#--\(option.long)=}"
                  return ;;
              esac

        """
    }
    text += "      case $previous in\n"
    for option in command.options where option.takesValue {
      if case .attachedValue = option.shape { continue }
      let names = ["--\(option.long)"] + (option.short.map { ["-\($0)"] } ?? [])
      text += "        \(names.joined(separator: " | "))) \(action(option.completion))"
      // An option may follow one whose value may be missing.
      if case .optionalValue = option.shape {
        text += "[[ $current == -* ]] || return ;;\n"
      } else {
        text += "return ;;\n"
      }
    }
    let options = command.options.map { "--\($0.long)" } + ["--help", "--help-all"]
    text += """
            esac
            if [[ $current == -* ]]; then
              _lkvm_words "\(options.joined(separator: " "))" "$current"

      """
    switch description.operand {
    case .optional(_, .files), .required(_, .files):
      text += "      else\n        _lkvm_paths -f \"$current\"\n"
    default:
      if description.operandBeginsCommand { text += "      else\n        _lkvm_paths -c \"$current\"\n" }
    }
    return text + "      fi ;;\n"
  }

  private static func action(_ completion: OptionDescription.Completion) -> String {
    switch completion {
    case .none, .settings: ""
    case .files: "_lkvm_paths -f \"$current\"; "
    case .folders: "_lkvm_paths -d \"$current\"; "
    case .guests: "_lkvm_words \"$(_lkvm_guests)\" \"$current\"; "
    case .words(let words): "_lkvm_words \"\(words.joined(separator: " "))\" \"$current\"; "
    }
  }
}
