/// The description of an option for help, completion and the manual page.
struct OptionDescription: Equatable, Sendable {
  /// Whether a value follows the name.
  enum Shape: Equatable, Sendable {
    /// No value; `--no-NAME` turns it off.
    case flag
    /// A value, in the same word or the next one.
    case value(String)
    /// A value unless the option is the last word or another option follows, as kvmtool has it for `-n`.
    case optionalValue(String)
    /// No value, or one behind an equals sign, so that the next word is never taken for it.
    case attachedValue(String)
  }

  /// The completions that a shell offers for the value.
  enum Completion: Equatable, Sendable {
    /// Nothing.
    case none
    /// Files and folders.
    case files
    /// Folders.
    case folders
    /// The names of running guests.
    case guests
    /// These words.
    case words([String])
    /// These settings with commas between them: `KEY=VALUE`, or `KEY=` where any value may follow.
    case settings([String])
  }

  /// The heading under which help lists the option.
  enum Group: String, CaseIterable, Sendable {
    case machine = "Machine"
    case kernel = "Kernel"
    case devices = "Devices"
    case network = "Networks"
    case debugging = "Debugging"
    case guests = "Options"
    /// Listed by `--help-all` and the manual page, not by `--help`.
    case kvmtool = "Options of kvmtool"
  }

  /// The name behind two dashes.
  let long: String
  /// The letter behind one dash.
  let short: Character?
  /// Whether a value follows.
  let shape: Shape
  /// The effect of the option, in sentences.
  let help: String
  /// The default, as a phrase; nil without one.
  let standard: String?
  /// The heading under which help lists the option.
  let group: Group
  /// The completions that a shell offers for the value.
  let completion: Completion

  /// The value's name in help, with an equals sign or brackets as the shape needs them.
  var valueText: String {
    switch shape {
    case .flag: ""
    case .value(let name): " \(name)"
    case .optionalValue(let name): " [\(name)]"
    case .attachedValue(let name): "[=\(name)]"
    }
  }

  /// The names as a person types them: `-k, --kernel FILE`.
  var signature: String { (short.map { "-\($0), " } ?? "") + "--\(long)\(valueText)" }

  /// Help and default.
  var fullHelp: String { help + (standard.map { " Default: \($0)." } ?? "") }

  /// Whether the option takes a value.
  var takesValue: Bool { shape != .flag }

  /// The name that turns the option off: `no-rng`, and `dhcp` for `no-dhcp`.
  var oppositeNames: [String] {
    ["no-\(long)"] + (long.hasPrefix("no-") ? [String(long.dropFirst(3))] : [])
  }
}
