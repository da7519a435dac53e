/// An option of a command: a row of the table that parser, help, completion and manual page use.
struct OptionRow<Settings>: Sendable {
  /// The form in which the option was given.
  enum Input {
    /// Without a value.
    case bare
    /// With this value.
    case value(String)
    /// As `--no-NAME`.
    case off
  }

  /// The description for help, completion and the manual page.
  let description: OptionDescription
  /// Stores the input in the settings.
  let apply: @Sendable (inout Settings, Input) throws(OptionProblem) -> Void
}

/// The error of an option's value, without the option's name.
struct OptionProblem: Error, Equatable {
  /// The error message: one line.
  let text: String

  /// A value that is none of those that the option takes.
  static func wanted(_ text: String) -> OptionProblem { OptionProblem(text: "wanted \(text)") }
}

extension OptionRow {
  /// A flag: `set` gets false for `--no-NAME`.
  static func flag(
    _ long: String, _ short: Character? = nil, _ group: OptionDescription.Group, _ help: String,
    set: @escaping @Sendable (inout Settings, Bool) -> Void
  ) -> OptionRow {
    OptionRow(
      description: OptionDescription(
        long: long, short: short, shape: .flag, help: help, standard: nil, group: group, completion: .none)
    ) { settings, input throws(OptionProblem) in
      if case .off = input { set(&settings, false) } else { set(&settings, true) }
    }
  }

  /// An option with a value: `set` gets nil for `--no-NAME`, which restores the default.
  static func value(
    _ long: String, _ short: Character? = nil, _ name: String, _ group: OptionDescription.Group,
    _ help: String, standard: String? = nil, completion: OptionDescription.Completion = .none,
    set: @escaping @Sendable (inout Settings, String?) throws(OptionProblem) -> Void
  ) -> OptionRow {
    OptionRow(
      description: OptionDescription(
        long: long, short: short, shape: .value(name), help: help, standard: standard, group: group,
        completion: completion)
    ) { settings, input throws(OptionProblem) in
      if case .value(let text) = input { try set(&settings, text) } else { try set(&settings, nil) }
    }
  }

  /// An option whose value is a text that is not empty, such as a file's path.
  static func text(
    _ long: String, _ short: Character? = nil, _ name: String, _ group: OptionDescription.Group,
    _ help: String, standard: String? = nil, completion: OptionDescription.Completion = .none,
    set: @escaping @Sendable (inout Settings, String?) -> Void
  ) -> OptionRow {
    value(long, short, name, group, help, standard: standard, completion: completion) {
      settings, text throws(OptionProblem) in
      if let text, text.isEmpty { throw .wanted(name) }
      set(&settings, text)
    }
  }

  /// An option whose value is a whole number in `range`.
  static func number(
    _ long: String, _ short: Character? = nil, _ name: String, _ group: OptionDescription.Group,
    in range: ClosedRange<Int>, _ help: String, standard: String? = nil,
    set: @escaping @Sendable (inout Settings, Int?) -> Void
  ) -> OptionRow {
    value(long, short, name, group, help, standard: standard) { settings, text throws(OptionProblem) in
      guard let text else { return set(&settings, nil) }
      guard let number = OptionNumber.parse(text), range.contains(number) else {
        let limit = range.upperBound == .max ? "on" : "to \(range.upperBound)"
        throw .wanted("a number from \(range.lowerBound) \(limit)")
      }
      set(&settings, number)
    }
  }

  /// An option whose value is one of the words of `Choice`.
  static func choice<Choice: OptionChoice>(
    _ long: String, _ name: String, _ group: OptionDescription.Group, _ help: String, standard: String,
    set: @escaping @Sendable (inout Settings, Choice?) -> Void
  ) -> OptionRow {
    let words = Choice.allCases.map(\.rawValue)
    return value(long, nil, name, group, help, standard: standard, completion: .words(words)) {
      settings, text throws(OptionProblem) in
      guard let text else { return set(&settings, nil) }
      guard let choice = Choice(rawValue: text) else {
        throw .wanted(words.joined(separator: " or "))
      }
      set(&settings, choice)
    }
  }

  /// An option of kvmtool's that lkvm does not have: refused, and named in the error message, so that nobody thinks that it had an effect.
  ///
  /// - Parameters:
  ///   - shape: decides whether the next word is the option's value, as in kvmtool.
  ///   - instead: what to use in its place.
  static func refused(
    _ long: String, _ short: Character? = nil, _ shape: OptionDescription.Shape, _ help: String,
    instead: String
  ) -> OptionRow {
    OptionRow(
      description: OptionDescription(
        long: long, short: short, shape: shape, help: "\(help) Not supported: \(instead).", standard: nil,
        group: .kvmtool, completion: .none)
    ) { _, input throws(OptionProblem) in
      // --no-NAME asks for what every guest has anyway.
      if case .off = input { return }
      throw OptionProblem(text: "not supported; \(instead)")
    }
  }
}

/// An option's value that is one of a few words.
protocol OptionChoice: RawRepresentable<String>, CaseIterable, Sendable {}
